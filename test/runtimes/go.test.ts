import { expect, test } from 'vitest';
import { asks, checkAsked, explain, indexPaths, judge, listed, portsToTry, remarkOnEmpty } from '../../src/runtimes/go.ts';
import type { Page } from '../../src/toolkit.ts';

const page = (text: string, status = 200, headers: Page['headers'] = {}): Page => ({ status, headers, text });
const index = page(
  "<title>/debug/pprof/</title>Types of profiles available:<a href='allocs?debug=1'>allocs</a><a href='cmdline?debug=1'>cmdline</a>" +
    "<a href='heap?debug=1'>heap</a><a href='profile?debug=1'>profile</a><a href='my%2Fown?debug=1'>my/own</a><a href='trace?debug=1'>trace</a>",
);
const asked = { kind: 'cpu', duration: 1500, delta: undefined, gc: false, debug: 0 } as const;

test('ports are tried in the order of their likeliness, each once', () => {
  const ports = [
    { name: 'http', port: 8080, container: 'app' },
    { name: 'pprof', port: 7000, container: 'proxy' },
    { name: 'debug-pprof', port: 6060, container: 'app' },
    { name: undefined, port: 9000, container: 'proxy' },
  ];
  expect(portsToTry(ports, 'app')).toEqual([[6060], [7000], [8080], [9000]]);
  expect(portsToTry([], 'app')).toEqual([[6060]]);
});

test.each([
  [undefined, ['/debug/pprof/']],
  ['/internal', ['/internal/', '/internal/debug/pprof/']],
  ['internal/debug/pprof', ['/internal/debug/pprof/']],
  ['/', ['/', '/debug/pprof/']],
])('--path %s means %j', (path, paths) => {
  expect(indexPaths(path)).toEqual(paths);
});

test('an index page is known, and a lock is told from none', () => {
  expect(judge(index)).toBe(true);
  expect(judge(page('hello'))).toBe(false);
  expect(judge(page(index.text, 404))).toBe(false);
  expect(judge(page('', 401, { 'www-authenticate': 'Basic realm="x"' }))).toMatchObject({
    failure: 'forbidden',
    hint: expect.stringMatching(/--header .*Basic[\s\S]*--path/),
  });
});

test.each([
  ["<a href='heap?debug=1'>", ['heap']],
  ['<a href=heap?debug=1>heap</a>', ['heap']], // up to Go 1.18
  ['<a href="/x/debug/pprof/heap?debug=1">', ['heap']],
  ['<a href="heap?debug=1"><a href="heap?debug=2">', ['heap']],
])('%s lists %j', (text, names) => {
  expect(listed(page(text))).toEqual(names);
});

test.each([
  ['cpu', {}, 'profile', { seconds: '2' }],
  ['trace', {}, 'trace', { seconds: '1.5' }],
  ['heap', { gc: true }, 'heap', { gc: '1' }],
  ['heap', { delta: 3000 }, 'heap', { seconds: '3' }],
  ['allocs', { debug: 1 }, 'allocs', { debug: '1' }],
  ['my%2Fown', {}, undefined, undefined],
] as const)('%s with %j is GET %s %j', (kind, more, path, query) => {
  const ask = () => asks({ ...asked, ...more, kind }, index);
  if (path === undefined) expect(ask).toThrow('has no profile');
  else expect(ask()).toMatchObject([{ path, query }]);
});

test('all is what the index lists, and a short trace', () => {
  const all = asks({ ...asked, kind: 'all', duration: 30_000 }, index);
  expect(all.map(({ path }) => path)).toEqual(['profile', 'trace', 'allocs', 'heap', 'my%2Fown']);
  expect(all.map(({ takes }) => takes)).toEqual([30_000, 5000, 0, 0, 0]);
  expect(all.map(({ name }) => name)).toEqual(['cpu.pb.gz', 'trace.trace', 'allocs.pb.gz', 'heap.pb.gz', 'my_own.pb.gz']);
});

test('a kind that the app does not have is told with those that it has', () => {
  expect(() => asks({ ...asked, kind: 'heep' }, index)).toThrow(
    expect.objectContaining({ failure: 'usage', hint: expect.stringContaining('did you mean heap') }),
  );
});

test('without an index page any kind is asked for', () => {
  expect(asks({ ...asked, kind: 'heap' }, page('hello'))).toMatchObject([{ path: 'heap' }]);
});

test.each([
  ['cpu', { delta: 1000 }],
  ['trace', { debug: 1 }],
  ['all', { debug: 1 }],
  ['heap', { delta: 1000, debug: 2 }],
  ['allocs', { gc: true }],
] as const)('%s with %j is refused', (kind, more) => {
  expect(() => checkAsked({ ...asked, kind, ...more })).toThrow(expect.objectContaining({ failure: 'usage' }));
});

test.each<readonly [string, number, string, RegExp]>([
  ['Could not enable CPU profiling: cpu profiling already in use', 500, 'failed', /takes a CPU profile/],
  ['Could not enable tracing: runtime error: tracing is already enabled', 500, 'failed', /traces this process/],
  ["profile duration exceeds server's WriteTimeout", 400, 'failed', /WriteTimeout/],
  ['"seconds" parameter is not supported for this profile type', 400, 'unsupported', /no difference/],
  ['Unknown profile', 404, 'unsupported', /has no cpu/],
  ['who are you?', 401, 'forbidden', /wants to know who/],
  ['oops', 502, 'failed', /answered 502/],
])('%s', (text, status, failure, message) => {
  expect(explain('cpu', page(text, status))).toMatchObject({ failure, message: expect.stringMatching(message) });
});

test('an empty profile says what to do', () => {
  expect(remarkOnEmpty('block', 0)).toContain('runtime.SetBlockProfileRate');
  expect(remarkOnEmpty('mutex', 0)).toContain('runtime.SetMutexProfileFraction');
  expect(remarkOnEmpty('heap', 0)).toBe('The heap profile is empty');
  expect(remarkOnEmpty('block', 3)).toBeUndefined();
});
