import { KprofError } from '../src/errors.ts';
import { broken, type Cost, costOf, costProbes, mebibytes, seconds, wantsGarbage, whichObjects } from '../src/runtimes/heap.ts';
import { answer, answers, attaching, diagnosticCommand, jvm } from '../src/runtimes/jvm.ts';
import { defineToolkit, type Facts, type Input } from '../src/toolkit.ts';

// https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html
export const heapdump = defineToolkit({
  name: 'heapdump',
  summary: 'Write down the whole heap of a JVM',
  examples: ['kprof heapdump mypod', 'kprof heapdump deploy/api --all -f heap.hprof', 'kprof heapdump mypod --yes'],
  flags: whichObjects,
  ...jvm,
  ways: () => [
    {
      ...attaching,
      risk: 'stop',
      format: 'hprof',
      probe: (process, tools, bears) => ({
        ...attaching.probe(process, tools),
        help: diagnosticCommand(tools, process, 'help', ['GC.heap_dump']),
        heap: diagnosticCommand(tools, process, 'GC.heap_info'),
        ...costProbes(process, bears),
      }),
      plan(input) {
        const { options, process, tools, facts, bears, place } = input;
        const all = wantsGarbage(options);
        const cost = costOf(facts, bears.cores);
        const notes = cost === undefined ? [] : weighed(cost, input);
        // Where the target writes into a process of ours, its own disk stays as it is.
        const file = place('heap.hprof', 'tool');
        const words = [...(all ? ['-all'] : []), ...parallel(facts, bears.cores)];
        return {
          kind: 'file',
          files: [],
          notes,
          steps: [
            {
              run: diagnosticCommand(tools, process, 'GC.heap_dump', [...words, file.seenByTarget]),
              room: true,
              check: answers(/^Heap dump file created/m, 'write its heap down'),
              undo: 'ends by itself',
              says: all ? 'dumping the heap' : 'collecting garbage and dumping the heap',
              what: 'write its heap down',
              patience: 600_000 + 4 * (cost?.pause ?? 0),
            },
          ],
          result: { early: 'loses', file },
        };
      },
    },
  ],
});

/** What is said before; throws where the pod would not bear it and nobody agreed to that. */
function weighed(
  cost: Cost,
  { process, bears, facts, yes, name }: Pick<Input<never>, 'process' | 'bears' | 'facts' | 'yes' | 'name'>,
): readonly string[] {
  const costs = `JVM ${process.pid} stands still for ${seconds(cost.pause)} at most, and the dump takes ${mebibytes(cost.bytes)} of the debug container's disk at most`;
  const away = bears.readiness !== undefined && cost.pause > bears.readiness.after;
  const reasons = broken(cost, { bears, facts });
  if (reasons.length > 0 && !yes) {
    throw new KprofError('unsupported', `A heap dump of JVM ${process.pid} may do harm, so it is not taken`, {
      cause: reasons.join('; '),
      hint: `what the heap holds, without a file: kprof histogram ${name}; to take the dump nevertheless: --yes`,
    });
  }
  return [
    costs,
    ...reasons.map((reason) => `Taken nevertheless: ${reason}`),
    ...(away ? [`Its readiness probe (${bears.readiness?.words}) takes it out of its services meanwhile`] : []),
  ];
}

/** Several threads write where the JVM can (JDK 21), and the app has more than one core. */
function parallel({ help = '' }: Facts, cores = 2): readonly string[] {
  const threads = Math.min(8, Math.floor(cores));
  return threads > 1 && answer(help).includes('-parallel') ? [`-parallel=${threads}`] : [];
}
