import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { KprofError } from '../src/errors.ts';
import { bytes, createReport, duration, plural, type Report, type ReportOptions, wantsColor } from '../src/report.ts';
import { terminalTexts, unprintable } from './support/corpus.ts';

function paper(options: Partial<ReportOptions> = {}): { report: Report; text: () => string; tick: (ms: number) => void; stream: Writable } {
  let written = '';
  let time = 0;
  const stream = new Writable({
    write(chunk, _, done) {
      written += chunk;
      done();
    },
  });
  const report = createReport({ stream, columns: 80, isTTY: false, color: false, quiet: false, verbose: 0, now: () => time, ...options });
  const tick = (ms: number): void => {
    time += ms;
  };
  return { report, stream, text: () => written, tick };
}

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [1540, '1.54 kB'],
  [12_345, '12.3 kB'],
  [783_000, '783 kB'],
  [999_499, '999 kB'],
  [999_999, '1 MB'],
  [2_147_483_648, '2.15 GB'],
  [5e15, '5000 TB'],
])('%i bytes: %s', (n, text) => expect(bytes(n)).toBe(text));

test.each([
  [0, '0 classes'],
  [1, '1 class'],
  [2, '2 classes'],
])('%i: %s', (n, text) => expect(plural(n, 'class', 'classes')).toBe(text));

test.each([
  [0, '0ms'],
  [340, '340ms'],
  [999.6, '1s'],
  [1000, '1s'],
  [15_000, '15s'],
  [90_000, '1m30s'],
  [120_000, '2m'],
  [3_600_000, '1h'],
  [7_500_000, '2h5m'],
])('%i ms: %s', (ms, text) => expect(duration(ms)).toBe(text));

test('colour only on a terminal that has it, for who wants it', () => {
  expect(wantsColor({ TERM: 'xterm' }, true)).toBe(true);
  expect(wantsColor({ TERM: 'xterm' }, false)).toBe(false);
  expect(wantsColor({ TERM: 'dumb' }, true)).toBe(false);
  expect(wantsColor({ NO_COLOR: '1' }, true)).toBe(false);
  expect(wantsColor({ NO_COLOR: '' }, true)).toBe(true);
});

describe('errors', () => {
  const error = new KprofError('incomplete', 'x.jfr did not arrive whole: the line to the pod was lost', {
    hint: 'look at the pod:\nkubectl get pod x',
    cause: new KprofError('gone', 'The pod shop/x was deleted', { cause: new Error('410 Gone') }),
  });

  test('say what, why and what to try', () => {
    const { report, text } = paper();
    report.error(error);
    expect(text()).toBe(`error: x.jfr did not arrive whole: the line to the pod was lost
cause: The pod shop/x was deleted
cause: 410 Gone
try: look at the pod:
     kubectl get pod x
`);
  });

  test('without a hint of their own show that of the cause', () => {
    const { report, text } = paper();
    report.error(new KprofError('failed', 'outer', { cause: new KprofError('failed', 'inner', { hint: 'do this' }) }));
    expect(text()).toBe('error: outer\ncause: inner\ntry: do this\n');
  });

  test('do not repeat a cause that is told already, and stop in a circle', () => {
    const { report, text } = paper();
    report.error(new KprofError('failed', 'it failed: 403', { cause: new Error('403') }));
    expect(text()).toBe('error: it failed: 403\n');
    const circle = new KprofError('failed', 'round');
    Object.assign(circle, { cause: circle });
    report.error(circle);
    expect(text()).toBe('error: it failed: 403\nerror: round\n');
  });

  test('that kprof did not expect are its bugs', () => {
    for (const bug of [new TypeError('x is not a function'), 'a string', undefined, null, { a: 1 }]) {
      const { report, text } = paper();
      report.error(bug);
      expect(text()).toMatch(/^error: This is a bug of kprof: /);
      expect(text()).toMatch(/try: report it .*npm bugs kprof\n$/);
    }
    const { report, text } = paper();
    report.error(new TypeError('x is not a function'));
    expect(text()).toMatch(/\n {4}at .*report\.test\.ts/);
  });

  test('fit into 40 columns, their commands in one piece', () => {
    const { report, text } = paper({ isTTY: true, columns: 40 });
    const command = `kprof jfr ${'very-long-name-'.repeat(5)} --duration 15s`;
    report.error(new KprofError('usage', 'The pod has several processes, and none of them is more likely than another', { hint: command }));
    const lines = text().trimEnd().split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'error: The pod has several processes,',
      '       and none of them is more likely',
      '       than another',
    ]);
    expect(lines.at(-1)).toBe(`try: ${command}`);
  });

  test('are coloured on request, and only their label', () => {
    const { report, text } = paper({ color: true });
    report.error(new KprofError('failed', 'what'));
    expect(text()).toBe('\x1b[31;1merror: \x1b[0mwhat\n');
  });
});

describe.each(Object.entries(terminalTexts))('a terminal is not driven by %s', (_, evil) => {
  test.each([
    [true, 80],
    [true, 40],
    [false, 80],
  ])('on any way to it (a terminal: %s, %i columns)', (isTTY, columns) => {
    const { report, text, tick } = paper({ isTTY, columns, verbose: 9 });
    for (const say of [report.stage, report.note, report.warn, report.foreign]) say(evil);
    for (let level = 0; level <= 9; level += 1) report.debug(level, evil);
    report.progress(evil, { done: 1, total: 2 });
    tick(20_000);
    report.progress(evil, { done: 1, total: 2 });
    report.clear();
    report.error(new KprofError('failed', evil, { hint: evil, cause: new KprofError('gone', `c${evil}`, { cause: evil }) }));
    report.error(Object.assign(new Error(evil), { stack: evil }));
    report.error(evil);
    const known = text()
      .replaceAll('\r\x1b[K', '')
      .replaceAll(/\r([^\r\n]*)\x1b\[K/g, '$1');
    expect(known).not.toMatch(unprintable);
    expect(known.length).toBeLessThan(1_500_000);
  });
});

test('a flood of lines is cut', () => {
  const { report, text } = paper();
  report.warn('x\n'.repeat(5000));
  expect(text().split('\n')).toHaveLength(202);
  expect(text()).toContain('more lines)');
});

test('what a program says comes at once, without its colours, quiet or not', () => {
  const { report, text } = paper({ quiet: true });
  report.foreign('\x1b[1;33mOpen https://login.example\x1b[0m\r\n');
  report.foreign('Password: ');
  expect(text()).toBe('Open https://login.example\nPassword: ');
});

test('nothing that others chose reaches the terminal raw', () => {
  const evil = '\x1b]0;pwned\x07\u202e\x9b31m\rx';
  for (const isTTY of [true, false]) {
    const { report, text, tick } = paper({ isTTY, verbose: 9 });
    report.stage(evil);
    report.note(evil);
    report.warn(evil);
    report.debug(1, evil);
    report.progress(evil, { done: 1, total: 2 });
    tick(20_000);
    report.progress(evil, { done: 1, total: 2 });
    report.clear();
    report.error(new KprofError('failed', evil, { hint: evil, cause: new Error(`c${evil}`) }));
    report.error(Object.assign(new Error(evil), { stack: evil }));
    const known = text()
      .replaceAll('\r\x1b[K', '')
      .replaceAll(/\r([^\r\n]*)\x1b\[K/g, '$1');
    expect(known).not.toMatch(/[^\n\x20-\x7e…]/);
    expect(known).toContain('\\x1b]0;pwned\\x07\\u{202e}\\x9b31m');
  }
});

describe('progress', () => {
  test('on a terminal is one line that is rewritten, ten times a second at most', () => {
    const { report, text, tick } = paper({ isTTY: true });
    report.progress('pulling', { done: 0, total: 10_000_000 });
    report.progress('pulling', { done: 1, total: 10_000_000 });
    tick(2000);
    report.progress('pulling', { done: 5_000_000, total: 10_000_000 });
    report.note('done');
    expect(text()).toBe('\rpulling  0 B of 10 MB\x1b[K\rpulling  5 MB of 10 MB  2s left\x1b[K\r\x1b[Kdone\n');
  });

  test('never fills the line', () => {
    const { report, text } = paper({ isTTY: true, columns: 40 });
    report.progress('x'.repeat(100), { done: 1 });
    expect(text().match(/x+/)?.[0].length).toBe(39);
  });

  test('elsewhere is a line each 10 s', () => {
    const { report, text, tick } = paper();
    for (let i = 0; i <= 250; i += 1) {
      report.progress('recording', { done: i * 100, total: 60_000, unit: 'time' });
      tick(100);
    }
    expect(text()).toBe('recording  10s of 1m  50s left\nrecording  20s of 1m  40s left\n');
  });

  test('without a total shows what is done; without a rate promises nothing', () => {
    const { report, text, tick } = paper({ isTTY: true });
    report.progress('pulling', { done: 1500 });
    tick(1000);
    report.progress('pulling', { done: 1500, total: 3000 });
    report.clear();
    report.clear();
    expect(text()).toBe('\rpulling  1.5 kB\x1b[K\rpulling  1.5 kB of 3 kB\x1b[K\r\x1b[K');
  });
});

test('quiet keeps warnings and errors; warnings are also collected', () => {
  const { report, text, tick } = paper({ quiet: true, verbose: 9 });
  report.stage('stage');
  report.note('note');
  report.debug(1, 'debug');
  report.progress('progress', { done: 1 });
  tick(20_000);
  report.progress('progress', { done: 2 });
  report.warn('careful');
  report.error(new KprofError('failed', 'what'));
  expect(text()).toBe('warning: careful\nerror: what\n');
  expect(report.warnings).toEqual(['careful']);
});

test('debug lines up to the level that was asked for', () => {
  const { report, text } = paper({ verbose: 2 });
  report.debug(2, 'two');
  report.debug(3, 'three');
  expect(text()).toBe('debug: two\n');
});

test('lines of a text stay lines, below their label', () => {
  const { report, text } = paper();
  report.warn('one\ntwo');
  expect(text()).toBe('warning: one\n         two\n');
});

test('a reader that has gone away is no error, another failure is', () => {
  const { report, stream } = paper();
  stream.emit('error', Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));
  stream.destroy();
  report.note('nobody reads this');
  expect(() => stream.emit('error', Object.assign(new Error('EIO'), { code: 'EIO' }))).toThrow('EIO');
});

describe('a terminal that another program has', () => {
  test('shows what was said meanwhile once it is given back, and none of the progress', () => {
    const { report, text, tick } = paper({ isTTY: true });
    report.progress('capturing', { done: 1 });
    const giveBack = report.lend();
    const before = text();
    expect(before).toMatch(/\r\x1b\[K$/);
    report.progress('capturing', { done: 2 });
    tick(1000);
    report.progress('capturing', { done: 3 });
    report.clear();
    report.note('The line is lost');
    report.warn('dropped');
    expect(text()).toBe(before);
    giveBack();
    expect(text().slice(before.length)).toBe('The line is lost\nwarning: dropped\n');
    report.note('done');
    giveBack();
    expect(text()).toMatch(/dropped\ndone\n$/);
  });
  test('is not the place of a log', () => {
    const { report, text } = paper();
    report.lend();
    report.note('The line is lost');
    expect(text()).toBe('The line is lost\n');
  });
});
