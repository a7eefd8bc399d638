import { count, duration, toggle } from '../src/flags.ts';
import { answer, answers, attaching, diagnosticCommand, guardSigquit, jvm, parseVersion } from '../src/runtimes/jvm.ts';
import { crowded, scratchOf, spaceProbe } from '../src/runtimes/space.ts';
import { threadTimes, timesOfThreads } from '../src/runtimes/thread-times.ts';
import { notWhole, notWritten, onlyVirtual } from '../src/runtimes/virtual-threads.ts';
import { defineToolkit, type InLog, type Place, type Process, type Step, type Tools, type Wait } from '../src/toolkit.ts';

/** The first JDK that has virtual threads, and tells of them. */
const firstWithVirtual = 21;

/** A million of them would give more; the rest is left out. */
const mostOfVirtual = 32 * 2 ** 20;

const what = 'print its threads';

/** What a JVM prints at SIGQUIT, to its standard output: the time, its threads, deadlocks, and then its heap. */
const atSigquit: InLog = {
  from: /^Full thread dump /,
  before: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
  to: /^Heap$/,
  enough: /^JNI global ref/,
};

/** Virtual threads are in no dump: the JVM writes them, with all others, to a file. */
function virtualThreads(tools: Tools, process: Process, { seenByTarget: path, at }: Place): readonly Step[] {
  return [
    {
      run: diagnosticCommand(tools, process, 'Thread.dump_to_file', ['-overwrite', path]),
      // What is known of all others is not to be lost to a disk that is full.
      optional: true,
      remark: (stdout) => notWritten(answer(stdout)),
      keep: () => '',
      undo: 'ends by itself',
      says: 'dumping virtual threads',
      what,
    },
    {
      run:
        at === 'target'
          ? ['inroot', String(process.pid), process.started, 'cat', path, String(mostOfVirtual)]
          : ['head', '-c', String(mostOfVirtual), path],
      optional: true,
      remark: notWhole,
      keep: onlyVirtual,
      undo: 'ends by itself',
      says: 'reading virtual threads',
      what,
    },
  ];
}

const leftOut = (why: string): string =>
  `Virtual threads, if there are any, are left out: the JVM writes them to a file, of any size, and ${why}`;

/** What its threads used so far, where the JVM itself does not tell. */
const times = (process: Process): Step => ({
  run: threadTimes(process),
  optional: true,
  keep: timesOfThreads,
  undo: 'ends by itself',
  says: 'reading what its threads used',
  what,
});

/** Dumps one after another, with time between them. */
const several = (dump: readonly Step[], { count: number, interval }: { readonly count: number; readonly interval: number }) => {
  const pause: Wait = { wait: interval, says: 'waiting for the next dump' };
  return Array.from({ length: number }, (_, index) => (index === 0 ? dump : [pause, ...dump])).flat();
};

// https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html
export const threads = defineToolkit({
  name: 'threads',
  summary: "Print what a JVM's threads are doing",
  examples: ['kprof threads mypod', 'kprof threads mypod --count 3 --interval 5s', 'kprof threads deploy/api -f threads.txt'],
  flags: {
    count: count('1', 'How many dumps to take'),
    interval: duration('5s', 'Time between two dumps', 100),
    'platform-only': toggle('Leave virtual threads out, of which there may be millions'),
  },
  prints: true,
  ...jvm,
  ways: () => [
    {
      ...attaching,
      risk: 'pause',
      format: 'threads',
      probe: (process, tools) => ({ ...attaching.probe(process, tools), space: spaceProbe(process, scratchOf(tools)) }),
      plan({ options, process, tools, facts, bears, place }) {
        const major = parseVersion(facts['version'] ?? '')?.major ?? 11;
        // -e came with JDK 11: allocated bytes of each thread; its CPU time is told then without it.
        const dump: Step = {
          run: diagnosticCommand(tools, process, 'Thread.print', ['-l', ...(major >= 11 ? ['-e'] : [])]),
          check: answers(/^Full thread dump /m, what),
          keep: answer,
          undo: 'ends by itself',
          says: 'dumping threads',
          what,
        };
        const wanted = major >= firstWithVirtual && !options['platform-only'];
        const why = wanted ? crowded(tools, facts, bears) : undefined;
        const virtual = wanted && why === undefined ? place('virtual.txt') : undefined;
        return {
          kind: 'stream',
          notes: why === undefined ? [] : [leftOut(why)],
          ...(virtual === undefined ? {} : { needsFolder: virtual }),
          steps: [
            ...several(major >= 11 ? [dump] : [dump, times(process)], options),
            ...(virtual === undefined ? [] : virtualThreads(tools, process, virtual)),
          ],
          result: { early: 'keeps' },
        };
      },
    },
    {
      ...attaching,
      risk: 'pause',
      format: 'threads',
      instead: 'It prints its threads to its own log instead, which is read there',
      guard: guardSigquit,
      probe: () => ({}),
      plan: ({ options, process: { pid, started } }) => ({
        kind: 'stream',
        steps: several(
          [{ run: ['quit', String(pid), started], inLog: atSigquit, undo: 'ends by itself', says: 'dumping threads', what }],
          options,
        ),
        result: { early: 'keeps' },
      }),
    },
  ],
});
