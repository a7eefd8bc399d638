import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { captureFlow, checkFlow, keeping, lossNotes, type Outlet } from '../../src/capture/flow.ts';
import { KprofError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import { createReader } from '../../src/packets/reader.ts';
import { listening, tallied } from '../../src/runtimes/tcpdump.ts';
import type { FlowPlan, Tallied } from '../../src/toolkit.ts';
import { type LocalContainer, localContainer } from '../support/local-container.ts';
import { pcapFile } from '../support/packets.ts';
import { recorder } from '../support/recorder.ts';
import { shells, until } from '../support/shells.ts';

vi.setConfig({ testTimeout: 60_000 });
const fake = new URL('../support/fake-tcpdump.ts', import.meta.url).pathname;
const provenance = { namespace: 'n', pod: 'p', container: 'c', command: 'tcpdump', link: 'eth0', filter: '' };

function plan(count: number, pause: number, more: Partial<FlowPlan> = {}, size = 60, file?: string): FlowPlan {
  return {
    kind: 'flow',
    check: { run: ['true'], what: 'check', refused: ({ stderr }) => new KprofError('usage', 'refused', { cause: stderr }) },
    run: [process.execPath, fake, String(count), String(pause), String(size), ...(file === undefined ? [] : [file])],
    says: 'capturing',
    link: 'eth0',
    filter: '',
    begun: listening,
    for: undefined,
    mostBytes: undefined,
    tallied,
    remedy: 'a filter',
    result: { early: 'keeps' },
    ...more,
  };
}

/** A pod, a person, and a place for the packets. */
function stage(container: LocalContainer, { onWrite = async () => {} }: { onWrite?: () => Promise<void> } = {}) {
  const [early, abort, closed] = [new AbortController(), new AbortController(), new AbortController()];
  const report = recorder();
  const session = { container, report, signal: abort.signal, stops: { early: early.signal, abort: abort.signal } };
  const intake = formats.pcapng.intake?.(provenance) as NonNullable<ReturnType<NonNullable<typeof formats.pcapng.intake>>>;
  let file = Buffer.alloc(0);
  const outlet: Outlet = {
    get bytes() {
      return file.length;
    },
    closed: closed.signal,
    async write(pieces) {
      file = Buffer.concat([file, pieces]);
      await onWrite();
    },
  };
  const packets = (): number => {
    let found = 0;
    const reader = createReader({ packet: () => void found++ }, 'it');
    reader.take(file);
    reader.end();
    return found;
  };
  return {
    early,
    abort,
    closed,
    said: report.said,
    intake,
    packets,
    check: (what: FlowPlan) => checkFlow(session, what),
    run: (what: FlowPlan) => captureFlow(session, what, intake, outlet),
  };
}

const lives = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describe.concurrent.each(shells)('a flow through %s', (_, path) => {
  const begin = (onTestFinished: (over: () => Promise<void>) => void): LocalContainer => {
    const container = localContainer({ ttl: 600, first: 60, cap: 600 }, path);
    onTestFinished(() => container.end());
    return container;
  };

  it('says that it was ended where the debug container was, as each is after a day', async ({ onTestFinished }) => {
    const container = localContainer({ ttl: 600, first: 60, cap: 4 }, path);
    onTestFinished(() => container.end());
    const { run, said } = stage(container);
    const flowing = run(plan(1_000_000, 100));
    await expect(flowing).rejects.toMatchObject({
      failure: 'gone',
      message: expect.stringMatching(/was ended: by kprof stop, or since it lives for a day at most$/),
    });
    expect(said).toContain('stage: capturing until Ctrl-C');
  });

  it('ends after its time, with all that came until then', async ({ onTestFinished }) => {
    const { run, packets, said } = stage(begin(onTestFinished));
    const flowed = await run(plan(25, 5, { for: 1000 }));
    expect(flowed).toEqual({ end: 'time', cut: false, tallied: { captured: 25, received: 25, dropped: 3 } });
    expect(packets()).toBe(25);
    expect(said).toContain('stage: capturing for 1s');
  });

  it('ends at a Ctrl-C, the last packet included', async ({ onTestFinished }) => {
    const { run, packets, early, intake } = stage(begin(onTestFinished));
    const flowing = run(plan(10, 1));
    expect(await until(() => intake.pieces() === 10, 20)).toBe(true);
    early.abort(new KprofError('interrupted', 'Interrupted'));
    expect(await flowing).toMatchObject({ end: 'early' });
    expect(packets()).toBe(10);
  });

  it('ends when nobody takes it any more, and when it is long enough', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const one = stage(container);
    const flowing = one.run(plan(3, 1));
    expect(await until(() => one.intake.pieces() === 3, 20)).toBe(true);
    one.closed.abort();
    expect(await flowing).toMatchObject({ end: 'closed' });
    const other = stage(container);
    expect(await other.run(plan(100_000, 0, { mostBytes: 50_000 }))).toMatchObject({ end: 'size' });
    expect(other.packets()).toBeGreaterThan(400);
  });

  it('loses nothing to a slow reader', async ({ onTestFinished }) => {
    const { run, packets, early, intake } = stage(begin(onTestFinished), { onWrite: () => sleep(5) });
    const flowing = run(plan(300, 0, {}, 10_000));
    expect(await until(() => intake.pieces() === 300, 60)).toBe(true);
    early.abort();
    await flowing;
    expect(packets()).toBe(300);
  });

  it('refuses before anything is captured, with what was said', async ({ onTestFinished }) => {
    const { check } = stage(begin(onTestFinished));
    const asked = { ...plan(1, 1).check, run: ['sh', '-c', 'echo syntax error >&2; exit 1'] as const };
    await expect(check(plan(1, 1, { check: asked }))).rejects.toMatchObject({
      failure: 'usage',
      cause: expect.stringContaining('syntax error'),
    });
    await check(plan(1, 1));
  });

  it('tells a program that fails, with its words', async ({ onTestFinished }) => {
    const { run } = stage(begin(onTestFinished));
    const failing = plan(1, 1, { run: ['sh', '-c', 'echo listening on eth0 >&2; echo no more >&2; exit 3'] });
    await expect(run(failing)).rejects.toMatchObject({ message: 'sh ended with exit code 3', cause: expect.stringContaining('no more') });
  });

  it.each(['cut', 'silence'] as const)('is over in the pod after a %s, though nobody reads what it prints', async (fault) => {
    const container = localContainer({ ttl: 600, first: 60, cap: 600 }, path);
    const file = join(container.dir, 'pid');
    const { run, packets, intake } = stage(container, { onWrite: () => sleep(200) });
    const flowing = run(plan(1_000_000, 0, {}, 10_000, file));
    flowing.catch(() => {});
    try {
      expect(await until(() => intake.pieces() > 3, 20)).toBe(true);
      const pid = Number(readFileSync(file, 'utf8'));
      container[fault]();
      if (fault === 'cut') await expect(flowing).rejects.toMatchObject({ lost: true });
      expect(await until(() => !lives(pid), 30)).toBe(true);
      expect(packets()).toBeGreaterThan(3);
    } finally {
      await container.end();
    }
  });
});

/** What a scripted pod can do: what it prints is taken when the promise settles; `told` settles when it was told so. */
interface Stage {
  stdout(bytes: Buffer): Promise<void>;
  stderr(text: string): void;
  told(text: string): Promise<void>;
}

/** A pod of which the test says what comes. */
function scripted(play: (stage: Stage) => Promise<void>): LocalContainer {
  const exec: LocalContainer['exec'] = (_, io) => {
    const waiting: { readonly text: string; readonly heard: () => void }[] = [];
    const heard = new Set<string>();
    const send = (text: string): void => {
      heard.add(text.trim());
      for (const each of waiting) if (heard.has(each.text)) each.heard();
    };
    const told = (text: string) =>
      heard.has(text) ? Promise.resolve() : new Promise<void>((resolve) => void waiting.push({ text, heard: resolve }));
    const stdout: Stage['stdout'] = async (bytes) => io.stdout?.(bytes);
    const stderr: Stage['stderr'] = (text) => void io.stderr?.(Buffer.from(text));
    return { send, done: play({ stdout, stderr, told }).then(() => ({ code: 0 })) };
  };
  return { exec } as Partial<LocalContainer> as LocalContainer;
}

const begins = 'tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n';
const stream = (times: readonly number[]) =>
  pcapFile(
    times.map((at) => ({ seconds: Math.floor(at), nanos: Math.round((at % 1) * 1e9), data: Buffer.alloc(60) })),
    { nano: true },
  );
const behind = (times: readonly number[]) => stream(times).subarray(24);

describe('a long flow', () => {
  it('reads what the program said when that comes, and not at each packet', async () => {
    const counting = vi.fn(tallied);
    const container = scripted(async ({ stdout, stderr, told }) => {
      stderr(begins);
      for (let times = 0; times < 10; times++) stderr('5 packets captured, 5 packets received by filter\n'.repeat(200));
      await stdout(stream([1]));
      for (let at = 2; at <= 500; at++) await stdout(behind([at]));
      stderr('500 packets captured\nkprof-exit 0\n');
      await told('ack');
    });
    const { run, packets } = stage(container);
    expect(await run(plan(1, 1, { tallied: counting }))).toMatchObject({ end: 'itself', tallied: { captured: 500 } });
    expect(packets()).toBe(500);
    expect(counting.mock.calls.length).toBeLessThan(20);
  });
});

describe('the end of a flow', () => {
  it('is told by the time of packets where they never cease, and nothing later is kept', async () => {
    const container = scripted(async ({ stdout, stderr, told }) => {
      stderr(begins);
      await stdout(stream([5000, 5000.1]));
      one.early.abort();
      let sent = 2;
      for (let isStopped = false; !isStopped; sent++) {
        await stdout(behind([5000 + sent * 3600]));
        isStopped = await Promise.race([told('stop').then(() => true), sleep(10, false)]);
      }
      await stdout(behind([5000.2]));
      stderr(`${sent + 1} packets captured\n${sent + 9} packets received by filter\nkprof-exit 0\n`);
      await told('ack');
    });
    const one = stage(container);
    expect(await one.run(plan(1, 1))).toMatchObject({ end: 'early', cut: false });
    expect(one.packets()).toBe(3);
    expect(one.intake.summary().facts).toMatchObject({ packets: 3 });
  });

  it('is no later where the first packet came late', async ({ onTestFinished }) => {
    const real = performance.now.bind(performance);
    let waited = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() + waited);
    onTestFinished(() => clock.mockRestore());
    const container = scripted(async ({ stdout, stderr, told }) => {
      stderr(begins);
      waited = 60_000;
      await stdout(stream([5000]));
      one.early.abort();
      let sent = 1;
      for (let isStopped = false; !isStopped; sent++) {
        await stdout(behind([5000 + sent * 30]));
        isStopped = await Promise.race([told('stop').then(() => true), sleep(10, false)]);
      }
      stderr(`${sent} packets captured\nkprof-exit 0\n`);
      await told('ack');
    });
    const one = stage(container);
    expect(await one.run(plan(1, 1))).toMatchObject({ end: 'early', cut: false });
    expect(one.packets()).toBe(1);
  });

  it('leaves what is beyond the size out of the summary, too', async () => {
    const container = scripted(async ({ stdout, stderr, told }) => {
      stderr(begins);
      await stdout(stream([1, 2, 3]));
      await stdout(behind([4, 5]));
      await told('stop');
      stderr('5 packets captured\nkprof-exit 0\n');
      await told('ack');
    });
    const one = stage(container);
    expect(await one.run(plan(1, 1, { mostBytes: 300 }))).toMatchObject({ end: 'size' });
    expect([one.packets(), one.intake.summary().facts['packets']]).toEqual([3, 3]);
  });
});

describe('what the kernel kept to itself', () => {
  const notes = (tallied: Tallied | undefined, cut = false) => lossNotes(plan(1, 1), { tallied, cut });

  it('is said with what helps, and nothing where all was taken', () => {
    expect(notes({ captured: 7, received: 10, dropped: 3 })).toEqual([
      'The kernel dropped 3 of 10 packets, for which there was no room. Try a filter',
    ]);
    expect(notes({ captured: 7, received: 7, dropped: 0 }, true)).toEqual([]);
    expect(notes(undefined, true)).toEqual([]);
  });
  it('is said of what could not be waited for, and not of what came after an end of its own', () => {
    expect(notes({ captured: 7, received: 12, dropped: 3 }, true)).toEqual([
      expect.stringMatching(/^The kernel dropped 3 of 12/),
      'At the end 2 packets still waited in the kernel, and are not kept. Try a filter',
    ]);
    expect(notes({ captured: 7, received: 12, dropped: 0 })).toEqual([]);
  });
});

describe('an error of a capture', () => {
  const { intake } = stage(scripted(async () => {}));
  const said = (files: readonly string[], bytes = 9) => (keeping(new KprofError('failed', 'Cut'), intake, files, bytes) as Error).message;

  it('names the files that are there', () => {
    expect(said(['a.partial'])).toMatch(/^Cut \(what came before, 0 packets.*, is whole and kept in a\.partial: 9 B\)$/);
    expect(said(['a-00002', 'a-00003', 'a-00004'])).toContain('kept in 3 files, a-00002 to a-00004: 9 B');
    expect(said([])).toBe('Cut');
    expect(said(['a'], 0)).toBe('Cut');
  });
});
