import { count, duration } from '../src/flags.ts';
import { answer, answers, attaching, diagnosticCommand, jvm, parseVersion } from '../src/runtimes/jvm.ts';
import { defineToolkit, type Step, type Wait } from '../src/toolkit.ts';

// https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html
export const threads = defineToolkit({
  name: 'threads',
  summary: "Print what a JVM's threads are doing",
  examples: ['kprof threads mypod', 'kprof threads mypod --count 3 --interval 5s', 'kprof threads deploy/api -f threads.txt'],
  flags: {
    count: count('1', 'How many dumps to take'),
    interval: duration('5s', 'Time between two dumps', 100),
  },
  prints: true,
  ...jvm,
  ways: () => [
    {
      ...attaching,
      risk: 'pause',
      format: 'threads',
      plan({ options, process, tools, facts }) {
        // -e came with JDK 11: CPU time and allocated bytes of each thread.
        const extended = (parseVersion(facts['version'] ?? '')?.major ?? 11) >= 11 ? ['-e'] : [];
        const dump: Step = {
          run: diagnosticCommand(tools, process, 'Thread.print', ['-l', ...extended]),
          check: answers(/^Full thread dump /m, 'print its threads'),
          keep: answer,
          undo: 'ends by itself',
          says: 'dumping threads',
          what: 'print its threads',
        };
        const pause: Wait = { wait: options.interval, says: 'waiting for the next dump' };
        return {
          kind: 'stream',
          steps: Array.from({ length: options.count }, (_, index) => (index === 0 ? [dump] : [pause, dump])).flat(),
          result: { early: 'keeps' },
        };
      },
    },
  ],
});
