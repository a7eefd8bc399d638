/** The room that a command takes of the app's own disk, where the JVM writes a file there: a JVM ends when JFR finds its disk full. */
import { KprofError } from '../errors.ts';
import type { Argv, Input, Place, Process, Tools } from '../toolkit.ts';
import { bytesOfSize, copyThatFits, inMebibytes, inSharedMemory, parseRecordings, recordingProbe, usualSize } from './jfr.ts';
import { diagnosticCommand } from './jvm.ts';
import { roomInWords, roomsIn, scratchOf, spaceProbe, tightest } from './space.ts';

const ofRecordings: readonly string[] = ['JFR.dump', 'JFR.stop'];

/** What to ask before a command of that name. */
export function roomProbe(name: string, process: Process, tools: Tools): Readonly<Record<string, Argv>> {
  if (ofRecordings.includes(name)) return { recordings: diagnosticCommand(tools, process, 'JFR.check'), space: recordingProbe(process) };
  return name === 'Thread.dump_to_file' ? { space: spaceProbe(process, scratchOf(tools)) } : {};
}

/** A command that fits, and what is to be known of it. */
export interface Fitted {
  readonly words: readonly string[];
  readonly notes: readonly string[];
  /** What has to be agreed to. */
  readonly costs?: string;
}

type Around = Pick<Input<never>, 'process' | 'tools' | 'facts' | 'bears' | 'name'>;

/** The command with as much in its file as there is room for. Throws where there is too little. */
export function fitted(words: readonly string[], around: Around, at: Place['at']): Fitted {
  if (words[0] === 'JFR.dump') return fittedDump(words, around, at);
  if (words[0] === 'JFR.stop') guardStop(words, around);
  const costs = words[0] === 'Thread.dump_to_file' ? crowded(around) : undefined;
  return { words, notes: [], ...(costs === undefined ? {} : { costs }) };
}

const named = (words: readonly string[], name: string): string | undefined =>
  words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);

/** Of the recordings that are meant the largest size, undefined where one of them has no limit. */
function sizeOf(words: readonly string[], { facts }: Around): number | undefined {
  const which = named(words, 'name');
  const all = parseRecordings(facts['recordings'] ?? '');
  const meant = all.filter(({ name, number }) => which === undefined || which === name || which === String(number));
  const sizes = meant.map(({ limits }) => bytesOfSize(limits));
  return sizes.length === 0 || sizes.includes(undefined) ? undefined : Math.max(...(sizes as readonly number[]));
}

/** Larger than any disk. */
const endless = 2 ** 50;

function fittedDump(words: readonly string[], around: Around, at: Place['at']): Fitted {
  const typed = words.findIndex((word) => word.startsWith('maxsize='));
  const recorded = sizeOf(words, around);
  const wanted = bytesOfSize(named(words, 'maxsize') ?? '') ?? recorded ?? endless;
  const size = copyThatFits(at === 'shared-memory' ? Math.min(wanted, inSharedMemory) : wanted, around, recorded ?? usualSize);
  if (size >= wanted) return { words, notes: [] };
  const limit = `maxsize=${inMebibytes(size)}`;
  const notes = wanted === endless ? [] : [`The disk bears a copy of ${inMebibytes(size)} at most, of what was recorded last`];
  return { words: typed < 0 ? [...words, limit] : words.with(typed, limit), notes };
}

/** It writes all there is, whatever that is. */
function guardStop(words: readonly string[], around: Around): void {
  const whole = sizeOf(words, around) ?? usualSize;
  if (copyThatFits(whole, around) >= whole) return;
  const which = named(words, 'name');
  throw new KprofError('unsupported', `A whole copy might fill the disk of JVM ${around.process.pid}, and a JVM ends when it is full`, {
    hint: `as much of it as fits: kprof jcmd ${around.name} -- JFR.dump${which === undefined ? '' : ` name=${which}`}`,
  });
}

/** Below that a file of all threads, of which there may be millions, might fill it. */
const leastForThreads = 256 * 2 ** 20;

function crowded({ tools, facts, bears }: Around): string | undefined {
  const rooms = roomsIn([scratchOf(tools)], facts, bears);
  if (tightest(rooms) >= leastForThreads && !rooms.some(({ isMemory }) => isMemory)) return undefined;
  const why = rooms.map((room) => (room.isMemory ? `${room.folder} is memory` : roomInWords(room))).join('; ');
  return `Thread.dump_to_file writes a file of any size, a kilobyte for each thread, and ${why}`;
}
