/** The room that a command takes of the app's own disk, where the JVM writes a file there: a JVM ends when JFR finds its disk full. */
import type { Argv, Input, Place, Process, Tools } from '../toolkit.ts';
import { bytesOfSize, copyThatFits, inMebibytes, parseRecordings, partly, recordingProbe, usualSize } from './jfr.ts';
import { diagnosticCommand } from './jvm.ts';
import { crowded, scratchOf, spaceProbe } from './space.ts';

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

/** The command with as much in its file as there is room for. */
export function fitted(words: readonly string[], around: Around, at: Place['at']): Fitted {
  if (words[0] === 'JFR.dump') return fittedDump(words, around, at);
  const costs =
    words[0] === 'JFR.stop' ? largeCopy(words, around, at) : words[0] === 'Thread.dump_to_file' ? allThreads(around) : undefined;
  return { words, notes: [], ...(costs === undefined ? {} : { costs }) };
}

const named = (words: readonly string[], name: string): string | undefined =>
  words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);

/** Larger than any disk. */
const endless = 2 ** 50;

/** The largest size of the recordings that are meant; undefined where there are none. */
function sizeOf(words: readonly string[], { facts }: Around): number | undefined {
  const which = named(words, 'name');
  const all = parseRecordings(facts['recordings'] ?? '');
  const meant = all.filter(({ name, number }) => which === undefined || which === name || which === String(number));
  return meant.length === 0 ? undefined : Math.max(...meant.map(({ limits }) => bytesOfSize(limits) ?? endless));
}

function fittedDump(words: readonly string[], around: Around, at: Place['at']): Fitted {
  const typed = words.findIndex((word) => word.startsWith('maxsize='));
  const recorded = sizeOf(words, around) ?? endless;
  const wanted = bytesOfSize(named(words, 'maxsize') ?? '') ?? recorded;
  const copy = copyThatFits(wanted, around, at, recorded === endless ? usualSize : recorded);
  const { size, full } = copy;
  const costs = full === undefined ? {} : { costs: `JFR.dump writes ${inMebibytes(size)}, and ${full}: a JVM ends when its disk is full` };
  if (size >= wanted) return { words, notes: [], ...costs };
  const limit = `maxsize=${inMebibytes(size)}`;
  // Of what has no limit nobody expects all.
  const notes = wanted === endless && size >= usualSize ? [] : [partly(copy)];
  return { words: typed < 0 ? [...words, limit] : words.with(typed, limit), notes, ...costs };
}

/** It writes all there is, whatever that is. */
function largeCopy(words: readonly string[], around: Around, at: Place['at']): string | undefined {
  const whole = sizeOf(words, around);
  if (whole === undefined) return undefined;
  const { size, because } = copyThatFits(whole, around, at);
  if (size >= whole) return undefined;
  const which = named(words, 'name');
  const part = `kprof jcmd ${around.name} -- JFR.dump${which === undefined ? '' : ` name=${which}`}`;
  const much = whole === endless ? 'all there is' : `up to ${inMebibytes(whole)}`;
  return `it writes ${much}, and ${because}: what does not fit may end the JVM. As much as fits: ${part}`;
}

function allThreads({ tools, facts, bears }: Around): string | undefined {
  const why = crowded(tools, facts, bears);
  return why === undefined ? undefined : `Thread.dump_to_file writes a file of any size, a kilobyte for each thread, and ${why}`;
}
