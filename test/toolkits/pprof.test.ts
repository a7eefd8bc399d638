import { expect, test } from 'vitest';
import { parse } from '../../src/parse.ts';
import { pprof } from '../../toolkits/pprof.ts';

const files: Readonly<Record<string, string>> = { secret: 'Authorization: Bearer abc\r\n\nX-Other: 1\n', wrong: 'no header here' };
const read = (path: string) => Buffer.from(files[path] ?? '');
const options = (...argv: readonly string[]) => parse(argv, pprof.flags, read).options;
const plan = (...argv: readonly string[]) => {
  const [way] = pprof.ways(options(...argv));
  if (way?.via !== 'forward') throw new Error('it goes over a forwarded port');
  return { way, plan: way.plan({ options: options(...argv), container: 'app', ports: [{ name: 'http', port: 8080, container: 'app' }] }) };
};

test.each([
  [[], 'pprof', 'sample'],
  [['--kind', 'heap'], 'pprof', 'observe'],
  [['--kind', 'goroutine', '--debug', '2'], 'gotext', 'pause'],
  [['--kind', 'trace'], 'gotrace', 'sample'],
  [['--kind', 'all'], 'bundle', 'sample'],
] as const)('%j gives %s and means %s', (argv, format, risk) => {
  expect(plan(...argv).way).toMatchObject({ format, risk });
});

test('ports and paths that are named are the only ones', () => {
  expect(plan().plan.endpoint).toMatchObject({ ports: [[6060], [8080]], named: false, paths: ['/debug/pprof/'], scheme: undefined });
  expect(plan('--port', '7', '--path', '/x/debug/pprof', '--scheme', 'https').plan.endpoint).toMatchObject({
    ports: [[7]],
    named: true,
    paths: ['/x/debug/pprof/'],
    scheme: 'https',
  });
});

test('headers come from the command line and from files', () => {
  expect(plan('--header', 'X-Key:  v ', '--header', '@secret').plan.endpoint.headers).toEqual({
    'X-Key': 'v',
    Authorization: 'Bearer abc',
    'X-Other': '1',
  });
});

test.each([['@wrong'], ['Secret: a\r\nX: b'], ['s3cr3t']])('the header %j is refused, and not repeated', (typed) => {
  const refused = expect.objectContaining({ failure: 'usage', message: '--header holds what is no header' });
  expect(() => options('--header', typed)).toThrow(refused);
});

test.each([
  ['--port', '0'],
  ['--port', '65536'],
  ['--port', 'http'],
  ['--path', '/a b'],
  ['--scheme', 'ftp'],
  ['--debug', '3'],
  ['--kind', 'a\nb'],
])('%s %j is refused', (flag, typed) => {
  expect(() => options(flag, typed)).toThrow(expect.objectContaining({ failure: 'usage' }));
});
