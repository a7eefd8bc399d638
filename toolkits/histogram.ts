import { duration, type Flag } from '../src/flags.ts';
import { wantsGarbage, whichObjects } from '../src/runtimes/heap.ts';
import { changeTable, type Histogram, parseHistogram } from '../src/runtimes/histogram.ts';
import { answer, attaching, diagnosticCommand, jvm, unexpected } from '../src/runtimes/jvm.ts';
import { type Composed, defineToolkit, type Milliseconds, type Step } from '../src/toolkit.ts';

const { default: _, ...diff } = duration('30s', 'Take two, so far apart, and print what changed');

// https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html
export const histogram = defineToolkit({
  name: 'histogram',
  summary: 'Count the objects on the heap of a JVM, class by class',
  examples: ['kprof histogram mypod', 'kprof histogram mypod --diff 30s', 'kprof histogram deploy/api --all -f objects.txt'],
  flags: { ...whichObjects, diff: diff as Flag<Milliseconds | undefined> },
  prints: true,
  ...jvm,
  ways: () => [
    {
      ...attaching,
      risk: 'stop',
      format: 'histogram',
      plan({ options, process, tools }) {
        const all = wantsGarbage(options);
        const count: Step = {
          run: diagnosticCommand(tools, process, 'GC.class_histogram', all ? ['-all'] : []),
          check: (stdout) => void read(stdout),
          keep: answer,
          undo: 'ends by itself',
          says: all ? 'counting objects' : 'collecting garbage and counting objects',
          what: 'count its objects',
          patience,
        };
        if (options.diff === undefined) return { kind: 'stream', steps: [count], result: { early: 'loses' } };
        const wait = { wait: options.diff, says: 'waiting for the second histogram' };
        return { kind: 'stream', steps: [count, wait, count], compose: change, result: { early: 'keeps' } };
      },
    },
  ],
});

/** A large heap is walked without a word. */
const patience: Milliseconds = 600_000;

function read(stdout: string): Histogram {
  const found = parseHistogram(answer(stdout));
  if (found === undefined) throw unexpected('count its objects', stdout);
  return found;
}

const change = ([earlier = '', later = '']: readonly string[]): Composed => ({ text: changeTable(read(earlier), read(later)) });
