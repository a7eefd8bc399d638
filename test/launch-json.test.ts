import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readLaunch, writeLaunch } from '../src/launch-json.ts';

let folder: string;
const before = process.cwd();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kprof-launch-'));
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
  expect(process.cwd()).toBe(before);
});

const read = () => JSON.parse(readFileSync(join(folder, '.vscode/launch.json'), 'utf8'));
const write = (text: string) => {
  mkdirSync(join(folder, '.vscode'));
  writeFileSync(join(folder, '.vscode/launch.json'), text);
};

describe('.vscode/launch.json', () => {
  it('is made where there is none, and has each configuration once', async () => {
    await writeLaunch({ name: 'kprof: a' });
    await writeLaunch({ name: 'kprof: b' });
    await writeLaunch({ name: 'kprof: a', port: 1 } as { readonly name: string });
    expect(read()).toEqual({ version: '0.2.0', configurations: [{ name: 'kprof: b' }, { name: 'kprof: a', port: 1 }] });
  });

  it('keeps what else it has', async () => {
    write('{"version": "0.2.0", "compounds": [1], "configurations": [{"name": "Server"}]}');
    await writeLaunch({ name: 'kprof: a' });
    expect(read()).toEqual({ version: '0.2.0', compounds: [1], configurations: [{ name: 'Server' }, { name: 'kprof: a' }] });
  });

  it.each(['{ // mine\n "configurations": [] }', '[]x', '{"configurations": 3}'])(
    'is left alone where it would lose something: %s',
    async (text) => {
      write(text);
      await expect(readLaunch()).rejects.toThrow(/would not survive/);
      await expect(writeLaunch({ name: 'kprof: a' })).rejects.toThrow(/would not survive/);
      expect(readFileSync(join(folder, '.vscode/launch.json'), 'utf8')).toBe(text);
    },
  );
});
