import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { printPlan, printRecord, printText } from '../src/print.ts';
import type { Artifact } from '../src/record.ts';
import { terminalTexts, unprintable } from './support/corpus.ts';
import { sandbox } from './support/sandbox.ts';

afterEach(() => void vi.restoreAllMocks());

/** What is written to stdout while this runs. */
function printed(isTTY: boolean, print: () => void): Buffer {
  const chunks: Buffer[] = [];
  const before = process.stdout.isTTY;
  Object.defineProperty(process.stdout, 'isTTY', { value: isTTY, configurable: true });
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => chunks.push(Buffer.from(chunk as string)) > 0);
  try {
    print();
  } finally {
    spy.mockRestore();
    Object.defineProperty(process.stdout, 'isTTY', { value: before, configurable: true });
  }
  return Buffer.concat(chunks);
}

const record = (text: string) => ({ path: `/tmp/${text}`, summary: { [text]: text }, warnings: [text], pod: text }) as unknown as Artifact;

describe.each(Object.entries(terminalTexts))('%s', (_, text) => {
  test('-o json is JSON that a terminal shows, and means what it did', () => {
    const out = printed(true, () => printRecord(record(text), 'json')).toString();
    expect(out).not.toMatch(unprintable);
    expect(JSON.parse(out)).toMatchObject(JSON.parse(JSON.stringify(record(text))));
  });

  test('-o yaml is YAML that a terminal shows, and means what it did', () => {
    const out = printed(true, () => printRecord(record(text), 'yaml')).toString();
    expect(out).not.toMatch(unprintable);
    expect(loadAll(out)[0]).toMatchObject(record(text));
  });

  test('a dry run is both', () => {
    for (const output of ['json', 'yaml', undefined] as const) {
      const out = printed(true, () => printPlan({ pod: text, [text]: [text] }, output)).toString();
      expect(out).not.toMatch(unprintable);
      expect(loadAll(out)[0]).toEqual({ pod: text, [text]: [text] });
    }
  });

  test('a path is shown on a terminal, and given to a script as it is', () => {
    expect(printed(true, () => printRecord(record(text), 'name')).toString()).not.toMatch(unprintable);
    expect(printed(false, () => printRecord(record(text), undefined)).toString()).toBe(`/tmp/${text}\n`.toWellFormed());
  });

  test('a text artifact is shown on a terminal, and goes into a pipe byte by byte', () => {
    using box = sandbox();
    const path = join(box.path, 'x.txt');
    const bytes = Buffer.concat([Buffer.from(text), Buffer.of(0xff, 0x00, 0x9b)]);
    writeFileSync(path, bytes);
    expect(printed(false, () => printText(path))).toEqual(bytes);
    expect(printed(true, () => printText(path)).toString()).not.toMatch(unprintable);
  });
});

test('a long text artifact is whole on a terminal too', () => {
  using box = sandbox();
  const path = join(box.path, 'x.txt');
  writeFileSync(path, `${'line\n'.repeat(100_000)}end`);
  expect(printed(true, () => printText(path)).toString()).toMatch(/end$/);
});

test('nothing else writes to stdout and stderr', () => {
  const root = new URL('../', import.meta.url).pathname;
  const files = ['src', 'toolkits'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
  // The client is a program of the user's, which has the terminal.
  const sources = files.filter(
    (name) => name.endsWith('.ts') && !['src/print.ts', 'src/report.ts', 'src/capture/client.ts'].includes(name),
  );
  expect(sources.length).toBeGreaterThan(50);
  const writes =
    /\bstd(out|err)\.(write|end|cork|pipe)\b|\.pipe\(process\.|\bconsole\.|writeSync\([12]\b|(stdio|std(out|err))['"]?: *\[?[^\]\n;]*['"]inherit|\/dev\/(tty|std(out|err))|process\._rawDebug/;
  const found = sources.filter((name) => writes.test(readFileSync(join(root, name), 'utf8')));
  expect(found).toEqual([]);
  for (const sample of [
    'process.stdout.write(x)',
    'console.log(1)',
    "stdio: ['ignore', 'inherit', 'inherit']",
    "stderr: 'inherit'",
    'x.pipe(process.stderr)',
  ])
    expect(sample).toMatch(writes);
});
