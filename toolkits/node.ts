import { choice, count, duration, type Flag } from '../src/flags.ts';
import { guardSignal, inspectorPorts, node as runtime, snapshotCosts, startedOpen } from '../src/runtimes/node.ts';
import { defineToolkit, type FormatName, type InspectPlan, type Risk } from '../src/toolkit.ts';

const kinds = ['cpu', 'heap', 'heapsnapshot'] as const;
type Kind = (typeof kinds)[number];

const kind: Flag<Kind> = {
  ...choice(kinds, 'cpu', 'What to take: where time goes, what allocates memory and keeps it, or everything on the heap'),
  value: 'KIND',
};

const about: Readonly<Record<Kind, { readonly format: FormatName; readonly risk: Risk }>> = {
  cpu: { format: 'cpuprofile', risk: 'sample' },
  heap: { format: 'heapprofile', risk: 'sample' },
  heapsnapshot: { format: 'heapsnapshot', risk: 'stop' },
};

// https://chromedevtools.github.io/devtools-protocol/v8/
const asked = (interval: number): Readonly<Record<Kind, Pick<InspectPlan, 'start' | 'take' | 'result'>>> => ({
  cpu: {
    start: [{ method: 'Profiler.enable' }, { method: 'Profiler.setSamplingInterval', params: { interval } }, { method: 'Profiler.start' }],
    take: { method: 'Profiler.stop', says: 'taking the profile', gives: { field: 'profile' } },
    result: { early: 'keeps' },
  },
  heap: {
    start: [{ method: 'HeapProfiler.startSampling' }],
    take: { method: 'HeapProfiler.stopSampling', says: 'taking the profile', gives: { field: 'profile' } },
    result: { early: 'keeps' },
  },
  heapsnapshot: {
    start: [],
    take: {
      method: 'HeapProfiler.takeHeapSnapshot',
      params: { reportProgress: false },
      says: 'taking the heap snapshot',
      gives: { event: 'HeapProfiler.addHeapSnapshotChunk' },
    },
    result: { early: 'loses' },
  },
});

export const node = defineToolkit({
  name: 'node',
  summary: 'Profile a Node.js process through its inspector',
  examples: ['kprof node mypod', 'kprof node deploy/web heap --duration 1m', 'kprof node mypod heapsnapshot --yes'],
  flags: {
    kind,
    duration: duration('30s', 'How long to sample; a heap snapshot takes its own time'),
    interval: count('1000', 'Microseconds between two samples of the CPU', 50, 'MICROSECONDS'),
  },
  second: 'kind',
  ...runtime,
  ways: ({ kind: chosen = 'cpu' }) => [
    {
      image: 'jvm',
      access: 'attach',
      ...about[chosen],
      needsLine: true,
      forwards: true,
      guard: guardSignal,
      probe: () => ({}),
      runtime: () => undefined,
      plan: ({ options, process }) => ({
        kind: 'inspect',
        ports: inspectorPorts(process),
        opened: startedOpen(process),
        costs: chosen === 'heapsnapshot' ? snapshotCosts(process) : undefined,
        wait: chosen === 'heapsnapshot' ? undefined : { wait: options.duration, says: 'sampling' },
        ...asked(options.interval)[chosen],
      }),
    },
  ],
});
