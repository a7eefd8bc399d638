import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { help } from '../src/help.ts';
import { toolkits } from '../toolkits/index.ts';

const root = new URL('../', import.meta.url).pathname;
let bare: string;

/** kprof without anything that npm installs, and without its own bundle. */
beforeAll(() => {
  if (!existsSync(join(root, 'dist/help.js'))) spawnSync(process.execPath, ['scripts/build.js'], { cwd: root, stdio: 'inherit' });
  bare = mkdtempSync(join(tmpdir(), 'kprof-bare-'));
  mkdirSync(join(bare, 'dist'));
  for (const path of ['bin', 'package.json', 'dist/help.js']) cpSync(join(root, path), join(bare, path), { recursive: true });
});
afterAll(() => rmSync(bare, { recursive: true, force: true }));

const kprof = (argv: readonly string[], ...flags: readonly string[]) =>
  spawnSync(process.execPath, [...flags, join(bare, 'bin/kprof.js'), ...argv], { encoding: 'utf8' });

describe('help', () => {
  it.each([
    [['--help']],
    [['-h']],
    [[]],
    [['help']],
    [['jfr', '--help']],
    [['help', 'jfr']],
    [['jfr', 'mypod', '-h']],
    [['threads', '--help']],
    [['open', '--help']],
  ])('%j loads nothing but Node’s own modules', (argv) => {
    const { status, stdout, stderr } = kprof(argv);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Examples:\n {2}kprof /);
  });

  it.each(['--version', 'version'])('%s is that of the package', (flag) => {
    expect(kprof([flag])).toMatchObject({ status: 0, stdout: `${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}\n` });
  });

  it('is the help of the tool behind -- too, when it is the tool’s own word', () => {
    expect(kprof(['jfr', '--', '--help']).status).not.toBe(0);
  });

  it.each([30, 40, 80, 200])('fits into %i columns', (columns) => {
    for (const name of [undefined, 'open', ...toolkits.map((toolkit) => toolkit.name)]) {
      const prose = (help(name, columns) as string).split('\n').filter((line) => !/^ {2}kprof |^ {2}-|^ {6}--/.test(line));
      expect(Math.max(...prose.map((line) => line.length))).toBeLessThanOrEqual(Math.max(columns, 30));
    }
  });

  it('knows what there is', () => {
    expect(help('nothing', 80)).toBeUndefined();
    expect(help('jfr', 500)?.replace(/\s+/g, ' ')).toContain('else the annotated default, the first that looks likely, or the first');
    const widest = Math.max(...toolkits.map(({ name }) => name.length));
    for (const { name, summary } of toolkits) expect(help(undefined, 80)).toContain(name.padEnd(widest + 2) + summary);
  });
});

describe('an old Node', () => {
  it('gets one clear line', () => {
    const old = join(bare, 'old.mjs');
    writeFileSync(old, "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });");
    const { status, stdout, stderr } = kprof(['--help'], '--import', old);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^error: kprof needs Node 24 or newer, and this is Node 20\.20\.2\n/);
  });
});
