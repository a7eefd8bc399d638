import { execFileSync } from 'node:child_process';
import { existsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { heapDumpOf, hprof } from '../../src/formats/hprof.ts';
import { inJava } from '../../src/formats/hprof-reader.ts';
import { recognise } from '../../src/formats/index.ts';
import { type DumpOptions, heapDump, record } from '../support/heap-dumps.ts';
import { sandbox } from '../support/sandbox.ts';

const file = (folder: string, content: Buffer): string => {
  const path = join(folder, 'heap.hprof');
  writeFileSync(path, content);
  return path;
};

describe('a heap dump', () => {
  it.each([8, 4] as const)('with IDs of %i bytes is known, and counted by class', async (idSize) => {
    using box = sandbox();
    const path = file(box.path, heapDump({ idSize }));
    expect((await recognise(path)).name).toBe('hprof');
    expect(new Set((await heapDumpOf(path)).classes)).toEqual(
      new Set([
        { name: 'App$Known[]', instances: 1, bytes: 3 * idSize },
        { name: 'App$Known', instances: 3, bytes: 12 },
        { name: 'byte[]', instances: 1, bytes: 5 },
      ]),
    );
    const { text, facts, details } = await hprof.check(path);
    expect(text).toBe(`${3 * idSize + 17} B in 5 objects of 3 classes`);
    expect(facts).toMatchObject({ instances: 5, loaded: 2, roots: 1, takenAt: '2026-11-21T00:00:00.000Z', counts: { App$Known: 3 } });
    expect(details?.(80, 1)).toMatch(/ App\$Known.*\n… and 2 more$/);
  });

  it('counts a class of two class loaders together, for the record', async () => {
    using box = sandbox();
    const { facts } = await hprof.check(file(box.path, heapDump({ known: 60, other: 40 })));
    expect(facts).toMatchObject({ classes: 4, counts: { App$Known: 100 }, top: { App$Known: 400 } });
  });

  it('may be larger than what is read of it', async () => {
    using box = sandbox();
    const array = (id: (value: number) => Buffer) => {
      const head = Buffer.concat([Buffer.from([0x23]), id(9), Buffer.alloc(4), Buffer.alloc(4), Buffer.from([8])]);
      head.writeUInt32BE(9 * 2 ** 20, head.length - 5);
      return Buffer.concat([head, Buffer.alloc(9 * 2 ** 20)]);
    };
    const path = file(box.path, heapDump({ known: 300_000, objects: (id) => [array(id), array(id)] }));
    const { classes } = await heapDumpOf(path);
    expect(classes.slice(0, 2)).toEqual([
      { name: 'byte[]', instances: 3, bytes: 18 * 2 ** 20 + 5 },
      { name: 'App$Known', instances: 300_000, bytes: 1_200_000 },
    ]);
    truncateSync(path, statSync(path).size - 5 * 2 ** 20);
    await expect(hprof.check(path)).rejects.toMatchObject({ failure: 'incomplete', message: expect.stringContaining('cut short') });
  });

  const whole = heapDump();
  it.each(Array.from({ length: 24 }, (_, index) => Math.floor((whole.length * index) / 24)))('cut at %i is none', async (length) => {
    using box = sandbox();
    await expect(hprof.check(file(box.path, whole.subarray(0, length)))).rejects.toMatchObject({ failure: 'incomplete' });
  });

  const one = (bytes: readonly number[]): DumpOptions => ({ objects: () => [Buffer.from(bytes)] });
  it.each<readonly [string, Buffer]>([
    ['without an end', heapDump({ end: false })],
    ['with more behind its end', Buffer.concat([whole, record(0x05)])],
    ['with a record of no kind', Buffer.concat([heapDump({ end: false }), record(0x77), record(0x2c)])],
    ['with an object of no kind', heapDump(one([0x99]))],
    ['with an object that is longer than its segment', heapDump(one([0x23, ...Array(8).fill(0), 0, 0, 0, 0, 0x7f, 0, 0, 0, 8]))],
    ['with an object of no class', heapDump(one([0x21, ...Array(8).fill(1), ...Array(4).fill(0), ...Array(8).fill(9), 0, 0, 0, 0]))],
    ['with an array of no type', heapDump(one([0x23, ...Array(8).fill(1), 0, 0, 0, 0, 0, 0, 0, 1, 99]))],
    ['with IDs of three bytes', Buffer.concat([whole.subarray(0, 19), Buffer.from([0, 0, 0, 3]), whole.subarray(23)])],
  ])('%s is none', async (_, content) => {
    using box = sandbox();
    await expect(hprof.check(file(box.path, content))).rejects.toMatchObject({
      failure: 'incomplete',
      message: expect.stringContaining('not a whole'),
    });
  });

  it.each([
    ['[[Ljava/lang/String;', 'java.lang.String[][]'],
    ['[J', 'long[]'],
    ['java/util/Map$Entry', 'java.util.Map$Entry'],
  ])('names %s in Java', (name, java) => expect(inJava(name)).toBe(java));
});

const jdk = ['/usr/lib/jvm/temurin-25-jdk-amd64', '/usr/lib/jvm/java-17-openjdk-amd64'].find((path) => existsSync(`${path}/bin/javac`));

it.skipIf(jdk === undefined)("of a real JVM has as many instances as the JVM's own histogram", async () => {
  using box = sandbox();
  writeFileSync(
    join(box.path, 'App.java'),
    `public class App { static class Known {} static final Object[] held = new Object[4711];
      public static void main(String[] args) throws Exception {
        for (int i = 0; i < held.length; i++) held[i] = new Known();
        String pid = String.valueOf(ProcessHandle.current().pid());
        for (String[] asked : new String[][] {{"GC.heap_dump", args[0]}, {"GC.class_histogram"}}) {
          String[] command = new String[asked.length + 2];
          command[0] = args[1]; command[1] = pid; System.arraycopy(asked, 0, command, 2, asked.length);
          new ProcessBuilder(command).inheritIO().start().waitFor();
        } } }`,
  );
  const [java, path] = [`${jdk}/bin/java`, join(box.path, 'heap.hprof')];
  const printed = execFileSync(java, ['-Xmx64m', join(box.path, 'App.java'), path, `${jdk}/bin/jcmd`], { encoding: 'utf8' });
  const { classes } = await heapDumpOf(path);
  expect(classes.find(({ name }) => name === 'App$Known')?.instances).toBe(4711);
  expect(printed).toMatch(/ 4711 +\d+ {2}App\$Known/);
});
