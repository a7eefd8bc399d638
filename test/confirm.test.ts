import { PassThrough } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { askYes } from '../src/confirm.ts';
import { KprofError } from '../src/errors.ts';
import { createReport } from '../src/report.ts';

const { stdin } = process;
afterEach(() => {
  vi.restoreAllMocks();
  Object.defineProperty(process, 'stdin', { value: stdin, configurable: true });
});

/** What stderr shows of a question that is answered with these keys, of which the terminal shows none. */
async function asked(keys: string, agreed: boolean): Promise<string> {
  const input = new PassThrough();
  Object.defineProperty(process, 'stdin', { value: input, configurable: true });
  let shown = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    shown += text;
    return true;
  });
  if (keys === '') input.end();
  else input.write(keys);
  // The spied one: what is asked and what is said go to the same terminal.
  const report = createReport({ stream: process.stderr, isTTY: false, color: false, quiet: false, verbose: 0 });
  const answer = askYes('It stops', { report, signal: new AbortController().signal });
  await (agreed ? answer : expect(answer).rejects.toMatchObject({ failure: 'interrupted', message: 'Nothing was done' }));
  return shown;
}

it.each([
  ['y\n', true, ''],
  ['n\n', false, ''],
  ['\n', false, ''],
  ['', false, '\n'],
])('of %j: whether it goes on is %s, and the line of the question is ended', async (keys, agreed, end) => {
  expect(await asked(keys, agreed)).toBe(`It stops. Go on? [y/N] ${end}`);
});

it('waits for no answer once it is given up', async () => {
  Object.defineProperty(process, 'stdin', { value: new PassThrough(), configurable: true });
  let shown = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    shown += text;
    return true;
  });
  const report = createReport({ stream: process.stderr, isTTY: false, color: false, quiet: false, verbose: 0 });
  const given = new AbortController();
  const answer = askYes('It stops', { report, signal: given.signal });
  given.abort(new KprofError('terminated', 'Terminated'));
  await expect(answer).rejects.toMatchObject({ failure: 'terminated' });
  expect(shown).toMatch(/^It stops\. Go on\? \[y\/N\] \r?\n$/);
  await expect(askYes('It stops', { report, signal: given.signal })).rejects.toMatchObject({ failure: 'terminated' });
});
