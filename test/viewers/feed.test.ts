import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createFeed } from '../../src/viewers/feed.ts';
import { sandbox } from '../support/sandbox.ts';
import { until } from '../support/shells.ts';

vi.setConfig({ testTimeout: 30_000 });
const box = sandbox();
afterAll(() => box[Symbol.dispose]());

/** A program that reads its stdin into `NAME.out`, and a file that grows. */
async function fed(name: string, script = `exec cat >${join(box.path, name)}.out`) {
  const path = join(box.path, name);
  writeFileSync(path, '');
  const child: ChildProcess = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'] });
  const failures: string[] = [];
  const feed = await createFeed(path, child, (how) => failures.push(how));
  let size = 0;
  const write = (text: string) => {
    appendFileSync(path, text);
    size += text.length;
    feed.grown(size);
  };
  const out = () => (existsSync(`${path}.out`) ? readFileSync(`${path}.out`, 'utf8') : '');
  return { child, feed, write, out, failures };
}

describe('a feed', () => {
  it('gives what was written as it is written, and all of it at the end', async () => {
    const { feed, write, out, child } = await fed('whole');
    for (const text of ['one ', 'two ']) {
      write(text);
      expect(await until(() => out().endsWith(text), 10)).toBe(true);
    }
    const rest = 'x'.repeat(3_000_000);
    write(rest);
    expect(await feed.end(5000)).toBe(true);
    expect(await until(() => child.exitCode === 0, 10)).toBe(true);
    expect(out()).toBe(`one two ${rest}`);
  });

  it('leaves a program that takes nothing behind, and never waits for it before the end', async () => {
    const { feed, write, child } = await fed('stalled', 'exec sleep 60');
    for (let times = 0; times < 50; times++) write('x'.repeat(100_000));
    expect(feed.closed.aborted).toBe(false);
    expect(await feed.end(300)).toBe(false);
    expect(feed.closed.aborted).toBe(true);
    child.kill('SIGKILL');
  });

  it('does not wait for a program that still takes when nobody wants it to any more', async () => {
    const { feed, write, child, failures } = await fed('slow', 'while head -c 10000 >&2; do sleep 0.1; done');
    write('x'.repeat(5_000_000));
    const over = new AbortController();
    const ended = feed.end(20_000, over.signal);
    setTimeout(() => over.abort(), 300);
    const asked = performance.now();
    expect(await ended).toBe(false);
    expect([performance.now() - asked < 5000, failures]).toEqual([true, []]);
    child.kill('SIGKILL');
  });

  it('does not take for given what Node still keeps for the program', async () => {
    const { feed, write, child } = await fed('nearly', 'exec sleep 60');
    for (let times = 0; child.stdin?.writableLength === 0 && times < 5000; times++) {
      write('x'.repeat(700));
      await sleep(1);
    }
    expect(await feed.end(300)).toBe(false);
    expect(child.stdin?.destroyed).toBe(true);
    child.kill('SIGKILL');
  });

  it('tells when the program is closed', async () => {
    const { feed, write, child, out, failures } = await fed('closed');
    write('one');
    expect(await until(() => existsSync(`${join(box.path, 'closed')}.out`) && out() === 'one', 10)).toBe(true);
    child.kill('SIGTERM');
    expect(await until(() => feed.closed.aborted, 10)).toBe(true);
    write('two');
    expect(await feed.end(5000)).toBe(true);
    expect(failures).toEqual([]);
  });

  it('tells when the program takes no more, and stays', async () => {
    const { feed, write, child } = await fed('stopped', 'head -c 3 >&2; exec <&-; exec sleep 60');
    const writing = setInterval(() => write('x'.repeat(70_000)), 10);
    expect(await until(() => feed.closed.aborted, 10)).toBe(true);
    clearInterval(writing);
    child.kill('SIGKILL');
  });

  it.each([
    ['read -r line; exit 3', 'ended with code 3'],
    ['read -r line; kill -SEGV $$', 'ended by SIGSEGV'],
  ])('does not take the failure of a program for its closing: %s', async (script, how) => {
    const { feed, write, failures } = await fed('failed', script);
    write('one\n');
    expect(await until(() => failures.length > 0, 10)).toBe(true);
    write('two');
    expect(await feed.end(5000)).toBe(true);
    expect([failures, feed.closed.aborted]).toEqual([[how], false]);
  });

  it('does not take for closed what ended before it got anything', async () => {
    const { feed, failures } = await fed('early', 'exit 0');
    expect(await until(() => failures.length > 0, 10)).toBe(true);
    expect([failures, feed.closed.aborted]).toEqual([['ended before it took anything'], false]);
  });

  it('says why a file that can no longer be read is shown no further, and lets the program end', async () => {
    const failures: string[] = [];
    const child = spawn('sh', ['-c', 'exec cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
    const feed = await createFeed(box.path, child, (how) => failures.push(how)); // a folder can be opened, but not read
    feed.grown(1);
    expect(await until(() => child.exitCode === 0, 10)).toBe(true);
    expect(await feed.end(5000)).toBe(true);
    expect([failures, feed.closed.aborted]).toEqual([[expect.stringMatching(/^gets no more packets: EISDIR/)], false]);
  });

  it('tells when there is no such program', async () => {
    const path = join(box.path, 'none');
    writeFileSync(path, 'x');
    const failures: string[] = [];
    const child = spawn(join(box.path, 'missing'), [], { stdio: ['pipe', 'ignore', 'ignore'] });
    const feed = await createFeed(path, child, (how) => failures.push(how));
    feed.grown(1);
    expect(await until(() => failures.length > 0, 10)).toBe(true);
    expect(await feed.end(1000)).toBe(true);
    expect([failures, feed.closed.aborted]).toEqual([[expect.stringMatching(/^can't be started: .*ENOENT/)], false]);
  });
});
