/**
 * async-profiler in a HotSpot JVM: its arguments, and what its answers mean. `profiler` of kprof.sh brings the library in.
 * https://github.com/async-profiler/async-profiler/blob/v4.6/src/arguments.cpp
 */
import { KprofError } from '../errors.ts';
import { safeLine } from '../safe.ts';
import type { Argv, Process, Tools } from '../toolkit.ts';
import { answer, guardAttach } from './jvm.ts';
import { handlesSignal } from './signals.ts';

/** What can be sampled. */
export const events = ['cpu', 'wall', 'alloc', 'lock', 'itimer', 'ctimer'] as const;
export type Event = (typeof events)[number];

/** What the profile can be written as. */
export const outputs = ['jfr', 'flamegraph', 'collapsed'] as const;

/** How to sample: of `alloc` the interval is in bytes, of all others in time. */
export interface Sampling {
  readonly event: Event;
  readonly interval: string | undefined;
  readonly threads: boolean;
}

const bytes = /^[1-9]\d{0,11}[kmg]?$/i;
const time = /^[1-9]\d{0,11}(ns|us|ms|s)$/i;

/** Throws a usage error for an interval that the event can't have. */
export function checkInterval({ event, interval }: Pick<Sampling, 'event' | 'interval'>): void {
  if (interval === undefined || (event === 'alloc' ? bytes : time).test(interval)) return;
  const [unit, example] = event === 'alloc' ? ['bytes', '512k'] : ['time', '1ms'];
  throw new KprofError('usage', `--interval ${interval} is no interval of ${unit}, as -e ${event} wants it`, {
    hint: `-e ${event} --interval ${example}`,
  });
}

function sampling({ event, interval, threads }: Sampling): readonly string[] {
  const every = interval?.toLowerCase();
  const what =
    event === 'alloc' || event === 'lock'
      ? [every === undefined ? event : `${event}=${every}`]
      : [`event=${event}`, `interval=${every ?? '10ms'}`];
  return [...what, ...(threads ? ['threads'] : [])];
}

/** The argv of `profiler`; none of the words may hold a comma. */
function profiler({ pid, started, tells }: Process, folder: string, words: readonly string[]): Argv {
  const library = tells['library']?.startsWith('/') ? tells['library'] : 'ours';
  return ['profiler', String(pid), started, folder, library, words.join(',')];
}

/** Where a profile goes, as the process sees it. */
export interface Written {
  readonly folder: string;
  readonly file: string;
  readonly output: (typeof outputs)[number];
}

/** Leaves the system properties out, where secrets live (JfrOption NO_SYSTEM_PROPS); the environment is not written anyway. */
const withoutProperties = 'jfropts=2';

/** Starts to sample; the JVM itself stops after `limit` seconds. */
export const startProfiler = (process: Process, how: Sampling, limit: number, { folder, file, output }: Written): Argv =>
  profiler(process, folder, [
    'start',
    ...sampling(how),
    `timeout=${limit}`,
    `file=${file}`,
    output,
    ...(output === 'jfr' ? [withoutProperties] : []),
  ]);

/** Stops, and writes what was sampled. */
export const stopProfiler = (process: Process, { threads }: Pick<Sampling, 'threads'>, { folder, file, output }: Written): Argv =>
  profiler(process, folder, ['stop', `file=${file}`, output, ...(threads ? ['threads'] : [])]);

/** Stops and drops what was sampled. */
export const dropProfiler = (process: Process, folder: string): Argv => profiler(process, folder, ['stop']);

const busy = (pid: number | undefined) =>
  new KprofError('failed', `Somebody else's async-profiler runs in the JVM${pid === undefined ? '' : ` ${pid}`}, and is left alone`, {
    hint: 'wait until it is done, or use another profiler: kprof jfr',
  });

/** By which each thread is stopped to be sampled; HotSpot has no handler for them of its own. */
const sampledBy: Partial<Record<Event, 'SIGPROF' | 'SIGVTALRM'>> = {
  cpu: 'SIGPROF',
  itimer: 'SIGPROF',
  ctimer: 'SIGPROF',
  wall: 'SIGVTALRM',
};

/** Throws when a profiler can't be brought in, or would be in somebody's way. */
export function guardProfiler(process: Process, tools: Tools, event: Event): void {
  guardAttach(process, tools);
  if (!tools.has('async-profiler') || !tools.has('jattach') || !tools.has('inroot'))
    throw new KprofError('unsupported', 'The debug image has no async-profiler', { hint: "use kprof's own image: leave out --image" });
  if (process.tells['profiler'] === 'runs') throw busy(process.pid);
  const library = process.tells['library'] ?? '';
  if (/^(hidden|\/.*[^\w./+-])/.test(library)) {
    throw new KprofError(
      'unsupported',
      `The JVM ${process.pid} has an async-profiler loaded that can't be reached, so it can't be told whether somebody profiles with it`,
      { cause: library.replace(/^hidden /, ''), hint: 'use another profiler: kprof jfr' },
    );
  }
  const signal = sampledBy[event];
  // A handler stays when a profiler stops, so one of async-profiler's own tells nothing.
  if (library === '' && signal !== undefined && handlesSignal(process, signal)) {
    throw new KprofError('unsupported', `The JVM ${process.pid} has another profiler, whose ${signal} async-profiler would take over`, {
      cause: `it handles ${signal}, which a JVM by itself does not: an agent of its own, or JFR's sampling of CPU time`,
      hint: 'what goes without that signal: -e alloc, -e lock, or kprof jfr',
    });
  }
}

const logged = (stdout: string, level: string): readonly string[] =>
  [...stdout.matchAll(new RegExp(`^log \\[${level}\\] (.*)$`, 'gm'))].map(([, line]) => line as string);

/** A check that throws with the profiler's own words. */
export const profilerDid =
  (what: string): ((stdout: string) => void) =>
  (stdout) => {
    const said = logged(stdout, 'ERROR').at(-1);
    if (/already started/i.test(said ?? '')) throw busy(undefined);
    if (said !== undefined || !/^(return code: 0|0)$/m.test(answer(stdout))) {
      const hint = /perf|symbols/i.test(said ?? '') ? 'try another event: -e itimer, -e wall, or kprof jfr' : undefined;
      throw new KprofError('failed', `async-profiler could not ${what}`, { cause: said ?? answer(stdout).trim().slice(0, 500), hint });
    }
  };

/** A check that also throws where the profile was cut as it was written, as on a full disk, which is no error to the profiler. */
export function profilerWrote(stdout: string): void {
  profilerDid('write the profile')(stdout);
  const said = logged(stdout, 'WARN').find((line) => /may be incomplete/i.test(line));
  if (said === undefined) return;
  throw new KprofError('incomplete', 'async-profiler could not write the whole profile, so none is kept', {
    cause: said,
    hint: "make room on the disk that the app's /tmp is on",
  });
}

/** What fell back to something less, in words. */
export function fellBack(event: Event, stdout: string): string | undefined {
  const warnings = logged(stdout, 'WARN').map((line) => safeLine(line));
  const timers =
    event === 'cpu' && /^perf events 0$/m.test(stdout)
      ? ['The kernel gives no perf events here: CPU time is sampled by timers, and without kernel functions']
      : [];
  const all = [...timers, ...warnings];
  return all.length === 0 ? undefined : all.join('\n');
}
