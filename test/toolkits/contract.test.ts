import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import { captureFlags, connectionFlags, flagsOf } from '../../src/common.ts';
import { KprofError } from '../../src/errors.ts';
import type { Flags, Options } from '../../src/flags.ts';
import { formats } from '../../src/formats/index.ts';
import { help } from '../../src/help.ts';
import { parse } from '../../src/parse.ts';
import { capturing, checking } from '../../src/runtimes/tcpdump.ts';
import type { Argv, Process, Toolkit, Tools } from '../../src/toolkit.ts';
import { toolkits } from '../../toolkits/index.ts';
import { injections } from '../support/corpus.ts';

const root = new URL('../../', import.meta.url);

const process: Process = {
  pid: 7,
  ppid: 1,
  started: '4711',
  uid: 1000,
  gid: 3000,
  groups: [],
  comm: 'app',
  argv: ['app'],
  exe: '/app',
  handles: 0xffffn,
  capabilities: 0n,
  tracer: 0,
  maps: [],
  tells: {},
};

const kits: readonly (readonly [string, Tools])[] = [
  ['our image', { has: () => true, jdk: undefined }],
  ['a stock JDK image', { has: (program) => ['jcmd', 'tar', 'sha256sum'].includes(program), jdk: '25.0.3' }],
];

const asked = { process, id: 'abc', pod: 'mypod', key: 'KEY', first: 600 };

const options = (toolkit: Toolkit) => parse([], toolkit.flags, () => new Uint8Array()).options;

describe('every toolkit', () => {
  it('is a file of the folder, and every file is a toolkit', () => {
    const files = readdirSync(new URL('toolkits/', root)).filter((file) => file !== 'index.ts');
    expect(toolkits.map(({ name }) => `${name}.ts`).sort()).toEqual(files.sort());
  });

  it.each(toolkits.map((toolkit) => [toolkit.name, toolkit] as const))('%s describes itself', (name, toolkit) => {
    expect(toolkit.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(toolkit.examples.length).toBeGreaterThan(0);
    for (const example of toolkit.examples) {
      const argv = example.replace(/ \|.*/, '').split(' ').slice(2);
      const { words } = parse(argv, flagsOf(toolkit), () => new Uint8Array());
      expect(example).toMatch(new RegExp(`^kprof ${name} `));
      if (toolkit.rest === undefined) expect([1, toolkit.second === undefined ? 1 : 2]).toContain(words.length);
    }
    expect(help(name, 80)).toContain(toolkit.summary);
  });

  it.each(toolkits.map((toolkit) => [toolkit.name, toolkit] as const))(
    '%s has described flags, none of which every capture has',
    (_, toolkit) => {
      for (const [name, flag] of Object.entries(toolkit.flags)) {
        expect(flag.description).toMatch(/^[A-Z].*[^.]$/);
        expect(Object.keys({ ...captureFlags, ...connectionFlags })).not.toContain(name);
      }
    },
  );

  describe.each(toolkits.flatMap((toolkit) => kits.map(([kit, tools]) => [toolkit.name, kit, toolkit, tools] as const)))(
    '%s with %s',
    (_, __, toolkit, tools) => {
      const ways = toolkit.ways(options(toolkit));

      it('uses an image that exists and a format that is known', () => {
        expect(ways.length).toBeGreaterThan(0);
        for (const way of ways) {
          expect(existsSync(new URL(`images/${way.image}/Dockerfile`, root))).toBe(true);
          expect(readFileSync(new URL('docker-bake.hcl', root), 'utf8')).toContain(`"${way.image}"`);
          if (way.via !== 'session') expect(formats[way.format].name).toBe(way.format);
        }
      });

      it('plans without an error, and says how each step ends', () => {
        for (const way of ways) {
          if (way.via === 'forward' || way.via === 'session' || way.via === 'pod') continue;
          const plan = makePlan({ options: options(toolkit) }, way, { process, tools, facts: {}, id: 'abc' });
          if (plan.kind === 'inspect') continue;
          expect(plan.steps.length).toBeGreaterThan(0);
          for (const step of plan.steps.filter((each) => 'run' in each)) {
            // Whoever never answers is not waited for without end.
            expect(step.patience ?? 0).toBeLessThanOrEqual(3_600_000);
            expect(step.run.every((word) => word !== '' && !word.includes('\n'))).toBe(true);
            if (typeof step.undo === 'string') expect(['ends by itself', 'ends an earlier step']).toContain(step.undo);
            else expect(step.undo.length).toBeGreaterThan(0);
          }
        }
      });

      it('looks at a pod with argv, and says how it ends', () => {
        for (const way of ways.filter((each) => each.via === 'pod')) {
          const { check, run, begun, remedy } = way.plan({ options: options(toolkit), facts: {} });
          for (const word of [...check.run, ...run]) expect(word).toMatch(/^[^\n]+$/);
          expect(check.refused({ code: 1, stderr: 'no' })).toMatchObject({ name: 'KprofError', cause: 'no' });
          expect(begun.test('')).toBe(false);
          expect(remedy).not.toBe('');
          expect(formats[way.format].intake).toBeDefined();
        }
      });

      it('fetches from ports and pages that are told, and explains what is refused', () => {
        for (const way of ways.filter((each) => each.via === 'forward')) {
          const { endpoint, ask } = way.plan({ options: options(toolkit), container: 'app', ports: [] });
          expect(endpoint.ports.flat().length).toBeGreaterThan(0);
          expect(endpoint.paths.every((path) => path.startsWith('/') && path.endsWith('/'))).toBe(true);
          expect(endpoint.judge({ status: 404, headers: {}, text: 'not found' })).toBe(false);
          for (const get of ask({ status: 200, headers: {}, text: '' })) {
            expect(get.path).not.toMatch(/^\/|[?#]/);
            expect(get.refused({ status: 500, headers: {}, text: 'no' })).toMatchObject({ name: 'KprofError', cause: 'no' });
          }
        }
      });

      it('asks an inspector with calls, and gives what one of them gives', () => {
        for (const way of ways) {
          if (way.via === 'forward' || way.via === 'session' || way.via === 'pod') continue;
          const plan = makePlan({ options: options(toolkit) }, way, { process, tools, facts: {}, id: 'abc' });
          if (plan.kind !== 'inspect') continue;
          expect(plan.ports.length).toBeGreaterThan(0);
          expect(help(toolkit.name, 80)?.replaceAll('\n', ' ')).toContain('to get and create pods/exec and pods/portforward.');
          for (const { method } of [...plan.start, plan.take]) expect(method).toMatch(/^[A-Z]\w+\.[a-z]\w+$/);
        }
      });

      it('serves a session whose end is kept before it begins', () => {
        for (const way of ways) {
          if (way.via !== 'session') continue;
          const { serve, ready, relay, ended } = way.plan(asked);
          for (const argv of [serve.run, serve.undo, ready, relay])
            expect(argv.every((word) => word !== '' && !word.includes('\n'))).toBe(true);
          expect(serve.run.join(' ')).toContain('KEY');
          expect(() => ended('')).toThrow(/reason/);
        }
      });

      it('plans the same for the same input', () => {
        const plan = () => {
          const [way] = ways;
          if (way?.via === 'pod') return way.plan({ options: options(toolkit), facts: {} });
          if (way?.via === 'forward') return way.plan({ options: options(toolkit), container: 'app', ports: [] });
          if (way?.via === 'session') return way.plan(asked);
          return makePlan({ options: options(toolkit) }, way as never, { process, tools, facts: {}, id: 'abc' });
        };
        expect(JSON.stringify(plan())).toBe(JSON.stringify(plan()));
      });
    },
  );
});

/** What would run in the pod, and what it would be asked for. */
interface Reached {
  readonly runs: readonly Argv[];
  readonly pages: readonly string[];
  readonly headers: readonly string[];
}

const nothing: Reached = { runs: [], pages: [], headers: [] };

function reachedBy(way: ReturnType<Toolkit['ways']>[number], typed: Options<Flags>, tools: Tools): Reached {
  if (way.via === 'pod') {
    const plans = [undefined, [443]].map((linePorts) => way.plan({ options: typed, facts: {}, linePorts }));
    return { ...nothing, runs: plans.flatMap(({ check, run }) => [check.run, run]) };
  }
  if (way.via === 'forward') {
    const { endpoint, ask } = way.plan({ options: typed, container: 'app', ports: [] });
    const below = ask({ status: 200, headers: {}, text: '' }).map(({ path }) => path);
    const pages = endpoint.paths.flatMap((index) => [index, ...below.map((path) => `${index}${path}`)]);
    return { ...nothing, pages, headers: Object.entries(endpoint.headers).flat() };
  }
  if (way.via === 'session') {
    const { serve, ready, relay } = way.plan(asked);
    return { ...nothing, runs: [serve.run, serve.undo, ready, relay] };
  }
  const plan = makePlan({ options: typed, yes: true }, way, { process, tools, facts: {}, id: 'abc' });
  const steps = plan.kind === 'inspect' ? [] : plan.steps.flatMap((step) => ('run' in step ? [step] : []));
  return { ...nothing, runs: steps.flatMap(({ run, undo }) => [run, ...(typeof undo === 'string' ? [] : [undo])]) };
}

/** The same of a command line; undefined where that is refused. */
function reached(toolkit: Toolkit, tools: Tools, argv: readonly string[]): Reached | undefined {
  try {
    const { options: typed } = parse(argv, toolkit.flags, () => Buffer.from('X-Key: value'));
    const all = toolkit.ways(typed).map((way) => reachedBy(way, typed, tools));
    return {
      runs: all.flatMap(({ runs }) => runs),
      pages: all.flatMap(({ pages }) => pages),
      headers: all.flatMap(({ headers }) => headers),
    };
  } catch (error) {
    if (error instanceof KprofError) return undefined;
    throw error;
  }
}

/** Stands before what was typed, so that it is taken at all. */
const before: Readonly<Record<string, readonly string[]>> = { command: ['--command=VM.flags'], filter: ['--filter=port'] };

/** Where options of the program itself end. */
const ownEnd = (argv: readonly string[]): number => argv.findIndex((word) => word === '--' || word === 'VM.flags');

/** The word as a JVM's parser of commands reads it back. */
const asJvmWord = (word: string): readonly string[] => [
  `VM.flags ${word}`,
  `VM.flags "${word}"`,
  `VM.flags '${word}'`,
  `"${word}"`,
  `'${word}'`,
];

describe.each(kits)('with %s, what is typed', (_, tools) => {
  const valued = toolkits.flatMap((toolkit) =>
    Object.entries(toolkit.flags).flatMap(([flag, { value }]) => (value === undefined ? [] : [[toolkit.name, flag, toolkit] as const])),
  );

  it.each(valued)('for %s --%s is one word of a program, and none of its options', (_, flag, toolkit) => {
    const first = before[flag] ?? [];
    const usual = new Set((reached(toolkit, tools, first) as Reached).runs.flat());
    for (const word of injections) {
      const { runs, pages, headers } = reached(toolkit, tools, [...first, `--${flag}=${word}`]) ?? nothing;
      for (const argv of runs)
        argv.forEach((each, index) => {
          if (usual.has(each)) return;
          expect([word, ...asJvmWord(word), each.slice(0, each.indexOf('=') + 1) + word], `${argv}`).toContain(each);
          if (each.startsWith('-')) expect(ownEnd(argv.slice(0, index)), `${argv}`).toBeGreaterThan(-1);
        });
      for (const page of pages) expect(page).toBe(new URL(page, 'http://pod').pathname);
      for (const text of headers) expect(text).not.toMatch(/[\r\n\0]/);
    }
  });

  it('reaches programs and pages at all', () => {
    const takes = (flag: string, word: string) =>
      valued
        .filter(([, name]) => name === flag)
        .map(([, , toolkit]) => reached(toolkit, tools, [...(before[flag] ?? []), `--${flag}=${word}`]));
    expect(takes('filter', '-x')[0]?.runs.flat()).toContain('-x');
    expect(JSON.stringify(takes('command', '-x')[0]?.runs)).toContain('-x');
    expect(takes('path', 'A').flatMap((each) => each?.pages ?? [])).toContain('/A/');
    expect(takes('path', 'a/../b')).toEqual([undefined, undefined]);
    expect(takes('kind', '..')).toEqual([undefined, undefined]);
  });
});

it.each(injections)('%j in a filter is nothing but filter to tcpdump', (word) => {
  const wanted = { interface: 'any', snapLength: undefined, count: undefined, buffer: 2 ** 23 };
  for (const make of [checking, capturing]) {
    const bare = make({ ...wanted, filter: [] });
    expect(make({ ...wanted, filter: ['port', word, '80'] })).toEqual([...bare, '--', 'port', word, '80']);
    const except = ['tcp', 'port', '443'];
    expect(make({ ...wanted, filter: [word], except })).toEqual([...bare, '--', 'not', '(', ...except, ')', 'and', '(', word, ')']);
  }
});

describe('every tool for JVMs', () => {
  const jvms = toolkits.filter(({ looksFor }) => looksFor === 'JVM').map((toolkit) => [toolkit.name, toolkit] as const);
  const attachable: Process = { ...process, maps: ['libjvm.so'], tells: { tmp: 'writable' } };
  const guarded = (toolkit: Toolkit, target: Process) => () => {
    for (const way of toolkit.ways(options(toolkit))) {
      if (way.via === 'forward' || way.via === 'session' || way.via === 'pod') throw new Error('not a way to a JVM');
      way.guard(target, { has: () => true, jdk: undefined });
    }
  };

  it('is one of seven', () =>
    expect(jvms.map(([name]) => name).sort()).toEqual(['asprof', 'heapdump', 'histogram', 'jcmd', 'jfr', 'jvm', 'threads']));

  it.each(jvms)('%s leaves alone what would die of its way in', (_, toolkit) => {
    expect(guarded(toolkit, attachable)).not.toThrow();
    expect(guarded(toolkit, { ...attachable, handles: 0n })).toThrow('SIGQUIT');
    expect(guarded(toolkit, { ...attachable, maps: ['libj9vm29.so', 'libjvm.so'] })).toThrow('OpenJ9');
    expect(guarded(toolkit, { ...attachable, maps: [], tells: { 'native-image': 'yes' } })).toThrow('native image');
  });

  it.each(jvms.filter(([name]) => name !== 'threads'))('%s wants to attach', (_, toolkit) => {
    expect(guarded(toolkit, { ...attachable, tells: { ...attachable.tells, attach: '0' } })).toThrow('DisableAttachMechanism');
    expect(guarded(toolkit, { ...attachable, tells: { tmp: 'EROFS' } })).toThrow('no /tmp');
  });
});
