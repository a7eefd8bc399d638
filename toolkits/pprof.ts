import { KprofError } from '../src/errors.ts';
import { count, duration, type Flag, toggle } from '../src/flags.ts';
import { asks, checkAsked, indexPaths, portsToTry, pprofEndpoint, remarkOnEmpty } from '../src/runtimes/go.ts';
import { header, path, port, scheme } from '../src/runtimes/go-flags.ts';
import { defineToolkit, type FormatName, type Milliseconds } from '../src/toolkit.ts';

const kind: Flag<string> = {
  value: 'KIND',
  default: 'cpu',
  description: "What to take: cpu, heap, allocs, goroutine, block, mutex, threadcreate, trace, one of the app's own, or all in a zip file",
  parse(typed) {
    // Encoded or not, these mean another folder.
    if (!/^(?!\.{1,2}$)[\w./:@ -]{1,100}$/.test(typed))
      throw new KprofError('usage', `"${typed}" is no kind of profile`, { hint: 'kprof pprof NAME heap' });
    return typed === 'profile' ? 'cpu' : typed;
  },
};

const delta: Flag<Milliseconds | undefined> = (({ default: _, ...rest }) => rest)(
  duration('10s', 'The difference over so long, of heap, allocs, goroutine, block, mutex or threadcreate'),
);

const debug: Flag<0 | 1 | 2> = {
  ...count('0', 'Text instead of a profile; goroutine with 2 has every stack in full', 0, '1|2'),
  parse(typed, { flag }) {
    if (typed === '0' || typed === '1' || typed === '2') return Number(typed) as 0 | 1 | 2;
    throw new KprofError('usage', `${flag} "${typed}" is none of 0, 1, 2`);
  },
};

const formatOf = (asked: string, level: 0 | 1 | 2): FormatName =>
  level > 0 ? 'gotext' : asked === 'all' ? 'bundle' : asked === 'trace' ? 'gotrace' : 'pprof';

// https://pkg.go.dev/net/http/pprof
export const pprof = defineToolkit({
  name: 'pprof',
  summary: 'Take a profile of a Go program from its net/http/pprof endpoint',
  examples: [
    'kprof pprof mypod',
    'kprof pprof deploy/api heap -n shop',
    'kprof pprof mypod trace --duration 2s',
    'kprof pprof mypod goroutine --debug 2 -f stacks.txt',
    'kprof pprof mypod all --port 8081 --path /internal/debug/pprof --header @secret-header.txt',
  ],
  flags: {
    kind,
    duration: duration('30s', 'How long to sample or to trace'),
    delta,
    gc: toggle('Collect garbage before the heap is looked at'),
    debug,
    port,
    path,
    scheme,
    header,
  },
  second: 'kind',
  textWith: ({ debug: level }) => level > 0,
  looksFor: 'pprof endpoint',
  likely: /pprof|\bgo\b|golang/i,
  // Any that can be looked at: it is asked over the network, not by what it is.
  matches: (process) => process.exe !== '',
  ways(options) {
    const asked = options.kind ?? 'cpu';
    return [
      {
        via: 'forward',
        image: 'jvm',
        access: 'attach',
        risk:
          asked === 'cpu' || asked === 'trace' || asked === 'all' ? 'sample' : asked === 'goroutine' || options.gc ? 'pause' : 'observe',
        format: formatOf(asked, options.debug ?? 0),
        plan({ options: { duration: time, delta: difference, gc, debug: level, ...where }, container, ports }) {
          const question = { kind: asked, duration: time, delta: difference, gc, debug: level };
          checkAsked(question);
          return {
            kind: 'fetch',
            endpoint: pprofEndpoint({
              ports: where.port === undefined ? portsToTry(ports, container) : [[where.port]],
              named: where.port !== undefined,
              scheme: where.scheme,
              paths: indexPaths(where.path),
              headers: Object.fromEntries(where.header),
            }),
            ask: (index) => asks(question, index),
            result: {
              early: 'loses',
              remark: ({ samples }) => (asked === 'all' ? undefined : remarkOnEmpty(asked, samples)),
            },
          };
        },
      },
    ];
  },
});
