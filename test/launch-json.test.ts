import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readLaunch, writeLaunch } from '../src/launch-json.ts';
import './support/seed.ts';

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

const raw = () => readFileSync(join(folder, '.vscode/launch.json'), 'utf8');
const read = () => JSON.parse(raw());
const write = (text: string) => {
  mkdirSync(join(folder, '.vscode'));
  writeFileSync(join(folder, '.vscode/launch.json'), text);
};

describe('.vscode/launch.json', () => {
  it('is made where there is none, and has each configuration once', async () => {
    await writeLaunch({ name: 'kprof: a' });
    await writeLaunch({ name: 'kprof: b' });
    await writeLaunch({ name: 'kprof: a', port: 1 });
    expect(read()).toEqual({ version: '0.2.0', configurations: [{ name: 'kprof: b' }, { name: 'kprof: a', port: 1 }] });
  });

  it('keeps what else it has', async () => {
    write('{"version": "0.2.0", "compounds": [1], "configurations": [{"name": "Server"}]}');
    await writeLaunch({ name: 'kprof: a' });
    expect(read()).toEqual({ version: '0.2.0', compounds: [1], configurations: [{ name: 'kprof: a' }, { name: 'Server' }] });
  });

  // What VS Code itself writes for a new one.
  const fresh = `{
    // Use IntelliSense to learn about possible attributes.
    // For more information, visit: https://go.microsoft.com/fwlink/?linkid=830387
    "version": "0.2.0",
    "configurations": []
}`;

  it('keeps the comments, the commas and the layout of the file', async () => {
    write(fresh);
    await writeLaunch({ name: 'kprof: a' });
    const once = raw();
    expect(once).toBe(fresh.replace('[]', '[\n        {\n            "name": "kprof: a"\n        }\n    ]'));
    await writeLaunch({ name: 'kprof: b' });
    expect(raw()).toBe(once.replace('[\n', '[\n        {\n            "name": "kprof: b"\n        },\n'));
    await writeLaunch({ name: 'kprof: b' });
    await writeLaunch({ name: 'kprof: a', port: 7 });
    expect(raw()).toContain('"name": "kprof: b"\n        },\n        {\n            "name": "kprof: a",\n            "port": 7\n');
  });

  it('keeps a comma at the end, lines of Windows, a link and its mode', async () => {
    const text = '{\r\n\t"configurations": [\r\n\t\t{"name": "Server"}, // mine\r\n\t],\r\n}\r\n';
    write(text);
    const path = join(folder, '.vscode/launch.json');
    renameSync(path, join(folder, 'shared.json'));
    chmodSync(join(folder, 'shared.json'), 0o644);
    symlinkSync('../shared.json', path);
    await writeLaunch({ name: 'kprof: a' });
    expect(raw()).toBe(text.replace('[', '[\r\n\t\t{\r\n\t\t\t"name": "kprof: a"\r\n\t\t},'));
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('is written where there is nothing but a comment', async () => {
    write('// to come');
    await writeLaunch({ name: 'kprof: a' });
    expect(raw()).toMatch(/^\/\/ to come\n\{\n {2}"version"/);
  });

  it('with odd comments, commas and blanks gets one more, and loses nothing', async () => {
    const blank = fc
      .array(fc.constantFrom(' ', '\n', '\t', '\r\n', '// "x": [ } ,\n', '/* ] , " */', '//\r\n', '/**/'), { maxLength: 3 })
      .map((parts) => parts.join(''));
    const leaf = fc
      .oneof(fc.integer(), fc.string(), fc.constantFrom(null, '//', '/*', '",]', '\\', '\u2028'))
      .map((each) => JSON.stringify(each));
    const item = fc.oneof(
      leaf,
      fc.tuple(blank, leaf, blank, leaf, blank).map(([a, key, b, value, c]) => `{${a}${JSON.stringify(key)}${b}:${value}${c}}`),
    );
    const file = fc
      .tuple(fc.array(fc.tuple(blank, item, blank), { maxLength: 4 }), blank, blank, fc.boolean())
      .map(([items, space, end, comma]) => {
        const list = `${items.map((each) => each.join('')).join(',')}${comma && items.length > 0 ? ',' : ''}${end}`;
        return `${space}{${space}"configurations":${space}[${list}]${comma ? ',' : ''}${space}}${end}`;
      });
    await fc.assert(
      fc.asyncProperty(file, async (text) => {
        rmSync(join(folder, '.vscode'), { recursive: true, force: true });
        write(text);
        const { launch } = await readLaunch();
        const added = { name: '//"' };
        await writeLaunch(added);
        expect((await readLaunch()).launch).toEqual({ configurations: [added, ...(launch?.configurations ?? [])] });
        const [before, after] = [text, raw()].map((each) => each.replace(/\s/g, ''));
        let at = 0;
        for (const char of after as string) if (char === before?.[at]) at++;
        expect(at, 'every character of it is there, in its order').toBe(before?.length);
      }),
      { numRuns: 200 },
    );
  });

  it.each(['{ // mine\n "configurations": [ }', '[]x', '{"configurations": 3}', '[]', '{"a": "\\', '/* {}'])(
    'is left alone where it is broken, with a way out: %j',
    async (text) => {
      write(text);
      const refused = expect.objectContaining({
        failure: 'usage',
        message: expect.stringContaining('launch.json is broken'),
        hint: expect.stringContaining('--port 2345 -v 1'),
      });
      await expect(readLaunch(2345)).rejects.toEqual(refused);
      await expect(writeLaunch({ name: 'kprof: a', port: 2345 })).rejects.toEqual(refused);
      expect(raw()).toBe(text);
    },
  );
});
