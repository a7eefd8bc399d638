/** Flight recordings as a JVM tells of them, and the names of ours. */
import { KprofError } from '../errors.ts';
import type { Argv, Bears, Facts, Place, Process } from '../toolkit.ts';
import { answer, parseVersion } from './jvm.ts';
import { type Room, roomInWords, roomsIn, spaceProbe } from './space.ts';

/** One recording of a JVM. */
export interface Recording {
  readonly number: number;
  readonly name: string;
  /** `running`, `stopped`, `delayed` … */
  readonly state: string;
  /** What limits it, in the JVM's words: `maxage=1h maxsize=256.0MB`. */
  readonly limits: string;
}

// «Recording 1: name=x duration=75s maxsize=256.0MB (running)»; of JDK 8 «Recording: recording=1 name="x" (running)».
const recording = /^Recording(?:: recording=| )(\d+):? name="?([^"\s]*)"? ?(.*?) ?\((\w+)\)$/gm;

/** The recordings that JFR.check lists. */
export const parseRecordings = (stdout: string): readonly Recording[] =>
  [...answer(stdout).matchAll(recording)].map(([, number, name = '', limits = '', state = '']) => ({
    number: Number(number),
    name,
    limits: limits.trim(),
    state,
  }));

const noRecorder = /^(?:Module jdk\.jfr not found|Flight Recorder (?:can not be enabled|is disabled))|Unknown diagnostic command/m;

const withoutRecorder = (cause: string): KprofError =>
  new KprofError('unsupported', 'This JVM has no JDK Flight Recorder', {
    cause,
    hint: 'another profiler, which brings all it needs: kprof asprof NAME',
  });

/** Throws where the JVM answers that it can't record: it was linked without jdk.jfr, or started with -XX:-FlightRecorder. */
export function guardRecorder(recordings: string): void {
  if (noRecorder.test(answer(recordings))) throw withoutRecorder(answer(recordings).trim().slice(0, 200));
}

/** The error of a JVM that does not know its commands, such as JDK 8 before 8u262. */
export const explainedByRecorder = (error: KprofError): KprofError =>
  noRecorder.test(String(error.cause)) ? withoutRecorder(String(error.cause).slice(0, 200)) : error;

/** How those are named that `--start` leaves running; unlike those of a capture nobody ends them but by `--stop`. */
const left = 'kprof-left-';

/** A name for a recording that is left running. */
export const nameOfLeft = (id: string): string => `${left}${id}`;

/** Those that kprof left running; all others are somebody else's. */
export const leftRunning = (recordings: string): readonly Recording[] =>
  parseRecordings(recordings).filter(({ name, state }) => name.startsWith(left) && state === 'running');

/** The one that was left running. Throws when there is none. */
export function theLeft(recordings: string): Recording {
  const last = leftRunning(recordings).at(-1);
  if (last === undefined)
    throw new KprofError('unsupported', 'No recording of kprof was left running in this JVM; those of others are not touched', {
      hint: 'begin one: kprof jfr NAME --start',
    });
  return last;
}

/** Throws when there is one already: each costs, and two of them record the same. */
export function guardAlone(recordings: string): void {
  const [first] = leftRunning(recordings);
  if (first !== undefined)
    throw new KprofError('usage', `The recording ${first.name} was left running in this JVM already`, {
      hint: 'take what it has: kprof jfr NAME --dump; or end it: kprof jfr NAME --stop',
    });
}

/** These events carry the environment and the command line's properties, and with them secrets. */
const secretEvents = ['jdk.InitialEnvironmentVariable#enabled', 'jdk.InitialSystemProperty#enabled'];

/** The first JDK whose JFR.start takes settings of single events. */
const firstWithEventSettings = 17;

/** A recording shares its chunks with whatever else records in the JVM: what one of them takes, all files have. */
const secretsTaken = /\(jdk\.Initial(?:EnvironmentVariable|SystemProperty)\)\s*\[[^\]]*enabled=true/;

/** Arguments of JFR.start that leave out what may hold secrets. Throws where that can't be promised. */
export function withoutSecrets({ version = '', recordings = '' }: Facts): readonly (readonly [string, string])[] {
  const major = parseVersion(version)?.major;
  const hint = 'record them too, and mind who gets the file: --with-environment';
  if (major !== undefined && major < firstWithEventSettings) {
    throw new KprofError('unsupported', `JDK ${major} can't leave the environment out of a recording`, { hint });
  }
  guardSecrets(recordings);
  return secretEvents.map((event) => [event, 'false']);
}

/** Throws when a recording that runs takes what may hold secrets: all files have it then. */
export function guardSecrets(recordings: string): void {
  if (secretsTaken.test(recordings)) {
    throw new KprofError(
      'unsupported',
      'Another recording runs in this JVM, and its environment and system properties, where secrets live, would be in ours',
      { hint: 'record them too, and mind who gets the file: --with-environment' },
    );
  }
}

const mebi = 2 ** 20;
/** What the pod's shared memory bears of a recording, and what is usual. */
export const [inSharedMemory, usualSize] = [48 * mebi, 256 * mebi];
/** A chunk, which may be a little larger than JFR means it to be, comes on top of what is kept. */
const chunk = 13 * mebi;
/** Of what is memory, the app may need the rest. */
const mostOfMemory = 48 * mebi;
/** Less is no recording of anything. */
const smallest = 8 * mebi;

/** The folders where a JVM may keep what it records, as far as its options tell, and the one that copies go to. */
export function foldersOf({ argv, tells }: Pick<Process, 'argv' | 'tells'>): readonly string[] {
  const named = (pattern: RegExp) => argv.flatMap((word) => pattern.exec(word)?.[1] ?? []).at(-1);
  const typed = named(/^-XX:FlightRecorderOptions[=:](?:.*,)?repository=([^,]+)/) ?? named(/^-Djava\.io\.tmpdir=(.+)/);
  // Which of them counts differs between the variables that they may stand in.
  const folders = [typed, tells['env-repository'], tells['env-tmpdir'], '/tmp'];
  return [...new Set(folders.filter((folder) => folder !== undefined).filter((folder) => folder.startsWith('/')))];
}

/** The question how much room there is; to be asked before anything is written: a JVM ends when JFR finds its disk full (JfrJavaSupport::abort). */
export const recordingProbe = (process: Process): Argv => spaceProbe(process, ...foldersOf(process));

/** What a recording is about: whose disk it is, and who is asked. */
interface Recorded {
  readonly process: Pick<Process, 'pid' | 'argv' | 'tells'>;
  readonly facts: Facts;
  readonly bears: Pick<Bears, 'storage' | 'volumes'>;
  readonly name: string;
}

/** Of what is memory the app may need the rest. */
const freeOf = ({ free, isMemory }: Room): number => (isMemory ? Math.min(free, 2 * (mostOfMemory + chunk)) : free);

/** The folders of a recording with the room in them, that with the least share of it first. */
const ranked = ({ process, facts, bears }: Recorded, share: (room: Room) => number): readonly [Room, ...Room[]] =>
  [...roomsIn(foldersOf(process), facts, bears)].sort((one, other) => share(one) - share(other)) as unknown as readonly [Room, ...Room[]];

const wholeMebibytes = (bytes: number): number => Math.floor(bytes / mebi) * mebi;

/** So many bytes, or fewer where a disk does not bear a recording of that size and a copy of it beside it. Throws where it bears none. */
export function sizeThatFits(wanted: number, recorded: Recorded): number {
  const share = (room: Room) => Math.min(freeOf(room), room.limit) / 2 - chunk;
  const [least] = ranked(recorded, share);
  const size = share(least);
  if (size >= wanted) return wanted;
  if (size >= smallest) return wholeMebibytes(size);
  const { process, name } = recorded;
  throw new KprofError(
    'unsupported',
    `JFR would fill the disk of JVM ${process.pid}, and a JVM ends when it is full, so nothing is recorded`,
    { cause: roomInWords(least), hint: `what writes nothing there: kprof threads ${name} --count 5 --interval 1s` },
  );
}

/** As much of what was recorded as is copied while it goes on. */
export interface Copy {
  readonly size: number;
  /** What keeps it from being more. */
  readonly because: string;
  /** Where a disk was found to have no room even for that: how much it has. */
  readonly full?: string;
}

/**
 * How much is copied of so many bytes, of which `there` may have been written by now. Of a limit nobody knows how much is taken, so a small
 * copy is made whatever it is: what records there takes more.
 */
export function copyThatFits(wanted: number, recorded: Recorded, at: Place['at'], there = wanted): Copy {
  const most = at === 'shared-memory' ? Math.min(wanted, inSharedMemory) : wanted;
  const free = (room: Room) => freeOf(room) - 2 * chunk;
  const share = (room: Room) => Math.min(free(room), room.limit - there - 2 * chunk);
  const [least] = ranked(recorded, share);
  const [fullest] = ranked(recorded, free);
  const size = share(least) >= most ? most : Math.min(most, Math.max(smallest, wholeMebibytes(share(least))));
  const because = share(least) >= most ? `the pod's shared memory has ${inMebibytes(inSharedMemory)} for it` : roomInWords(least);
  return { size, because, ...(free(fullest) < Math.min(most, smallest) ? { full: roomInWords(fullest) } : {}) };
}

/** What is said of one that is not whole. */
export const partly = ({ size, because }: Copy): string =>
  `Of what was recorded last a copy of ${inMebibytes(size)} at most is made: ${because}`;

/** In JFR's own words: `48M`. */
export const inMebibytes = (bytes: number): string => `${Math.floor(bytes / mebi)}M`;

const units: Readonly<Record<string, number>> = { k: 2 ** 10, m: mebi, g: 2 ** 30 };

/** Bytes of `256m`, or of `maxsize=256.0MB` among a recording's limits; undefined where there are none. */
export function bytesOfSize(text: string): number | undefined {
  const [, number, unit = ''] = /^(?:.*\bmaxsize=)?([\d.]+)([kmg])(?:B\b|$)/i.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (units[unit.toLowerCase()] ?? 1);
}
