/** Flight recordings as a JVM tells of them, and the names of ours. */
import { KprofError } from '../errors.ts';
import type { Facts } from '../toolkit.ts';
import { answer, parseVersion } from './jvm.ts';

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
