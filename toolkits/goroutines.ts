import { duration } from '../src/flags.ts';
import { checkReadable, explainPause, isGo, remarkOnMissing } from '../src/runtimes/delve.ts';
import { asks, indexPaths, portsToTry, pprofEndpoint } from '../src/runtimes/go.ts';
import { header, path, port, scheme } from '../src/runtimes/go-flags.ts';
import { defineToolkit, type Milliseconds, type Way } from '../src/toolkit.ts';

/** Without an endpoint: Delve reads them, for which the process has to stand still. */
const paused = (most: Milliseconds): Way<Record<never, never>> => ({
  image: 'go',
  access: 'attach',
  risk: 'pause',
  format: 'goroutines',
  instead: 'Delve takes the stacks instead, for which the process stands still for a moment.',
  guard: checkReadable,
  probe: () => ({}),
  runtime: () => undefined,
  plan: ({ process }) => ({
    kind: 'stream',
    steps: [
      {
        run: ['keeper', 'goroutines', String(process.pid), process.started, String(most)],
        says: 'pausing the process for its stacks',
        what: 'take the stacks of its goroutines',
        failed: (error) => explainPause(error, process),
        remark: remarkOnMissing,
        undo: 'ends by itself',
      },
    ],
    result: { early: 'loses' },
  }),
});

// https://pkg.go.dev/runtime#Stack
export const goroutines = defineToolkit({
  name: 'goroutines',
  summary: 'Take the stacks of all goroutines, the same ones counted',
  examples: ['kprof goroutines mypod', 'kprof goroutines deploy/api --max-pause 2s -f stacks.txt'],
  flags: {
    'max-pause': duration(
      '10s',
      'For how long the process may stand still where there is no pprof endpoint; then what is known by then is kept',
      100,
    ),
    port,
    path,
    scheme,
    header,
  },
  looksFor: 'Go program',
  likely: /pprof|\bgo\b|golang/i,
  matches: isGo,
  ways: (options) => {
    const named = options.port !== undefined;
    return [
      {
        via: 'forward',
        image: 'go',
        access: 'attach',
        risk: 'pause',
        format: 'goroutines',
        plan: ({ options: where, container, ports }) => ({
          kind: 'fetch',
          endpoint: pprofEndpoint({
            ports: where.port === undefined ? portsToTry(ports, container) : [[where.port]],
            named,
            scheme: where.scheme,
            paths: indexPaths(where.path),
            headers: Object.fromEntries(where.header),
          }),
          ask: (index) => asks({ kind: 'goroutine', duration: 0, delta: undefined, gc: false, debug: 2 }, index),
          result: { early: 'loses' },
        }),
      },
      ...(named ? [] : [paused(options['max-pause'])]),
    ];
  },
});
