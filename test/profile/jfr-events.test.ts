import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type Recording, readRecording } from '../../src/profile/jfr.ts';
import { className, counter, type Tally } from '../../src/profile/jfr-events.ts';
import { jdks } from '../sandbox/images.ts';
import { sandbox } from '../support/sandbox.ts';

test.each([
  ['java/lang/String', 'java.lang.String'],
  ['[B', 'byte[]'],
  ['[[J', 'long[][]'],
  ['[Ljava/lang/String;', 'java.lang.String[]'],
  ['B', 'B'],
  ['', ''],
])('the class %j is %j', (internal, name) => {
  expect(className(internal)).toBe(name);
});

test('chunks have their own ticks and numbers of classes', () => {
  const counts = counter();
  const { of } = counts;
  of['jdk.GCPhasePause']?.({ duration: 4 });
  of['jdk.JavaMonitorEnter']?.({ monitorClass: 1, duration: 6 });
  counts.close(2, () => 'A');
  of['jdk.GCPhasePause']?.({ duration: 4 });
  of['jdk.JavaMonitorEnter']?.({ monitorClass: 1, duration: 6 });
  of['jdk.JavaMonitorEnter']?.({ monitorClass: 2, duration: { forged: 1 } });
  counts.close(1000, (type) => ['', 'B', 'A'][type] ?? '');
  const { pauses, waited } = counts.events();
  expect(pauses).toEqual({ count: 2, amount: 2.004e9, longest: 2e9 });
  expect([...waited]).toEqual([
    ['A', { count: 2, amount: 3e9 }],
    ['B', { count: 1, amount: 6e6 }],
  ]);
});

test('TLABs count only where allocation was not sampled', () => {
  const counts = counter();
  counts.of['jdk.ObjectAllocationInNewTLAB']?.({ objectClass: 1, allocationSize: 16, tlabSize: 1000 });
  counts.of['jdk.ObjectAllocationOutsideTLAB']?.({ objectClass: 1, allocationSize: 16 });
  counts.close(1, () => 'A');
  expect([...counts.events().allocated]).toEqual([['A', { count: 2, amount: 1016 }]]);
  counts.of['jdk.ObjectAllocationSample']?.({ objectClass: 1, weight: 5 });
  counts.close(1, () => 'A');
  expect([...counts.events().allocated]).toEqual([['A', { count: 1, amount: 5 }]]);
});

const root = fileURLToPath(new URL('../../', import.meta.url));
const [newest] = jdks();
const oldest = jdks().findLast(({ version }) => version >= 17);
const isTlabs =
  'jdk.ObjectAllocationSample#enabled=false,jdk.ObjectAllocationInNewTLAB#enabled=true,jdk.ObjectAllocationOutsideTLAB#enabled=true';

interface Event {
  readonly type: string;
  readonly values: Readonly<Record<string, unknown>>;
}

describe.runIf(oldest !== undefined)('real recordings', { timeout: 120_000 }, () => {
  const box = sandbox();
  afterAll(() => box[Symbol.dispose]());

  /** Records Busy until it has said so four times, a second each; ended in order, a JVM writes its recording. */
  async function record(bin: string, name: string, settings: string, collector: string): Promise<string> {
    const path = join(box.path, `${name}.jfr`);
    const start = `-XX:StartFlightRecording=settings=profile,dumponexit=true,filename=${path}${settings}`;
    const java = spawn(join(bin, 'java'), ['-Xmx32m', start, collector, '-cp', box.path, 'Busy'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    java.stdout.on('data', (text: Buffer) => {
      said += text.toString('latin1');
      if (said.split('stall=').length > 4) java.kill('SIGTERM');
    });
    await once(java, 'exit');
    return path;
  }

  const files: Record<string, string> = {};
  beforeAll(async () => {
    execFileSync(join(oldest?.path ?? '', 'javac'), ['-d', box.path, join(root, 'test/workloads/app/Busy.java')]);
    const two = await Promise.all([
      record(oldest?.path ?? '', 'oldest', '', '-XX:+UseSerialGC'),
      record(newest?.path ?? '', 'newest', `,${isTlabs}`, '-XX:+UseG1GC'),
    ]);
    // As many chunks again: a recording may have any number.
    const twice = join(box.path, 'twice.jfr');
    const content = await readFile(two[0]);
    await writeFile(twice, Buffer.concat([content, content]));
    Object.assign(files, { sampled: two[0], tlabs: two[1], twice });
  }, 120_000);

  async function printed(path: string): Promise<readonly Event[]> {
    const events =
      'GCPhasePause,JavaMonitorEnter,ObjectAllocationSample,ObjectAllocationInNewTLAB,ObjectAllocationOutsideTLAB,ExecutionSample';
    const named = events.split(',').map((each) => `jdk.${each}`);
    const argv = ['print', '--json', '--stack-depth', '1', '--events', named.join(), path];
    const { stdout } = await promisify(execFile)(join(newest?.path ?? '', 'jfr'), argv, { maxBuffer: 2 ** 28 });
    return (JSON.parse(stdout) as { recording: { events: readonly Event[] } }).recording.events;
  }

  async function read(path: string): Promise<Recording> {
    await using file = await open(path);
    const { size } = await file.stat();
    return (await readRecording(file, size)) as Recording;
  }

  /** «PT0.0174S» in milliseconds. */
  const ms = (text: unknown): number => 1000 * Number(/^PT(?:(\d+)M)?([\d.E-]+)S$/.exec(String(text))?.[2]);

  function tally(events: readonly Event[], types: readonly string[], field: string, amount: (values: Event['values']) => number) {
    const counts = new Map<string, { count: number; amount: number }>();
    for (const { values } of events.filter((each) => types.includes(each.type))) {
      const name = className((values[field] as { readonly name: string }).name);
      const known = counts.get(name) ?? { count: 0, amount: 0 };
      counts.set(name, { count: known.count + 1, amount: known.amount + amount(values) });
    }
    return counts;
  }

  const rounded = (tallies: ReadonlyMap<string, Tally>, unit: number) =>
    Object.fromEntries([...tallies].map(([name, { count, amount }]) => [name, [count, Math.round(amount / unit)]]));

  it.each(['sampled', 'tlabs', 'twice'])('are read as jfr print reads them: %s', async (name) => {
    const path = files[name] as string;
    const events = await printed(path);
    const { events: found, samples } = await read(path);
    const of = (type: string) => events.filter((each) => each.type === type);
    const pauses = of('jdk.GCPhasePause').map(({ values }) => ms(values['duration']));
    expect(pauses.length).toBeGreaterThan(0);
    expect(found.pauses.count).toBe(pauses.length);
    expect(found.pauses.amount / 1e6).toBeCloseTo(
      pauses.reduce((sum, each) => sum + each, 0),
      2,
    );
    expect(found.pauses.longest / 1e6).toBeCloseTo(Math.max(...pauses), 2);

    const waited = tally(events, ['jdk.JavaMonitorEnter'], 'monitorClass', ({ duration }) => ms(duration));
    expect(waited.get('java.lang.Object')?.count).toBeGreaterThan(2);
    expect(rounded(found.waited, 1e6)).toEqual(rounded(waited, 1));

    const types = name === 'tlabs' ? ['jdk.ObjectAllocationInNewTLAB', 'jdk.ObjectAllocationOutsideTLAB'] : ['jdk.ObjectAllocationSample'];
    const allocated = tally(events, types, 'objectClass', ({ weight, tlabSize, allocationSize }) =>
      Number(weight ?? tlabSize ?? allocationSize),
    );
    expect(allocated.get('byte[]')?.count).toBeGreaterThan(10);
    expect(rounded(found.allocated, 1)).toEqual(rounded(allocated, 1));

    expect(samples.samples.reduce((sum, { values: [count = 0] }) => sum + count, 0)).toBe(of('jdk.ExecutionSample').length);
  });
});
