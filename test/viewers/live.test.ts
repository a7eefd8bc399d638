import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createFeed } from '../../src/viewers/feed.ts';
import { viewers } from '../../src/viewers/index.ts';
import { findLive, type LiveWish, startLive } from '../../src/viewers/live.ts';
import { sandbox } from '../support/sandbox.ts';
import { until } from '../support/shells.ts';

const box = sandbox();
afterAll(() => box[Symbol.dispose]());

/** A machine that has these programs. */
function machine(programs: readonly string[], env: Readonly<Record<string, string>> = {}, isTTY = true) {
  const folder = join(box.path, `bin-${programs.join('-')}`);
  mkdirSync(folder, { recursive: true });
  for (const program of programs) writeFileSync(join(folder, program), '#!/bin/sh\n', { mode: 0o755 });
  return { env: { PATH: folder, ...env }, platform: 'linux' as const, isTTY };
}

const all = ['wireshark', 'tshark', 'termshark'];
const display = { DISPLAY: ':1' };
const found = async (wish: Partial<LiveWish>, desk: ReturnType<typeof machine>) =>
  (await findLive({ live: undefined, viewer: undefined, ...wish }, desk))?.viewer.name;

describe('what shows packets as they come', () => {
  it.each([
    ['Wireshark where there is a display', {}, machine(all, display), 'wireshark'],
    ['nothing unasked without a display', {}, machine(all), undefined],
    ['nothing unasked without a terminal, on CI, over SSH', {}, machine(all, { ...display, CI: 'true' }), undefined],
    ['nothing unasked where Wireshark is not', {}, machine(['tshark'], display), undefined],
    ['nothing where it is not wanted', { live: false }, machine(all, display), undefined],
    ['Wireshark where it was asked for, a terminal or not', { live: true }, machine(all, display, false), 'wireshark'],
    ['tshark where there is no display', { live: true }, machine(all), 'tshark'],
    ['termshark where nothing else is', { live: true }, machine(['termshark']), 'termshark'],
    ['the one that was named, which asks for it', { viewer: 'tshark' }, machine(all, display), 'tshark'],
    ['nothing where a viewer of files was named', { viewer: 'page' }, machine(all, display), undefined],
  ] as const)('is %s', async (_, wish, desk, name) => expect(await found(wish, desk)).toBe(name));

  it.each([
    [{ live: true }, machine([])],
    [{ live: true }, machine(['wireshark'])],
    [{ live: true }, machine(['termshark'], {}, false)],
    [{ live: true, viewer: 'wireshark' }, machine(all)],
    [{ live: true, viewer: 'page' }, machine(all, display)],
  ] as const)('is refused before anything is done where it was asked for and is not here: %j', async (wish, desk) => {
    await expect(found(wish, desk)).rejects.toMatchObject({ failure: 'unsupported', message: expect.stringContaining('--live') });
  });
});

it('is told where the secrets are, and what the packets are of', () => {
  expect(viewers.wireshark.live?.argv({ title: 'shop/web', secrets: '/k e' })).toEqual(
    ['-k', '-i', '-', '-o', 'gui.window_title:shop/web', '-o', 'tls.keylog_file:/k e'], // biome-ignore format: an argv
  );
  expect(viewers.tshark.live?.argv({ title: 'shop/web', secrets: '/k e' })).toEqual(['-l', '-r', '-', '-o', 'tls.keylog_file:/k e']);
  expect(viewers.tshark.live?.argv({ title: 'shop/web', secrets: undefined })).toEqual(['-l', '-r', '-']);
});

describe('what is fed through a pipe', () => {
  /** tshark is this script, and has one piece of a file. */
  async function fed(name: string, script: string) {
    const program = join(box.path, name);
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    writeFileSync(`${program}.pcapng`, 'piece\n');
    const lines: string[] = [];
    const failures: string[] = [];
    const live = startLive({ viewer: viewers.tshark as never, program }, { title: '', secrets: undefined }, process.env, (text) =>
      lines.push(text),
    );
    const feed = await createFeed(`${program}.pcapng`, live.child, (how) => failures.push(how), live.viewer);
    feed.grown(6);
    return { ...live, feed, failures, lines };
  }

  it('is seen to be closed while nothing more comes', async () => {
    const { feed, child, failures } = await fed('quits', 'read -r line; exit 0');
    expect(await until(() => feed.closed.aborted, 5)).toBe(true);
    expect(await until(() => child.exitCode === 0, 5)).toBe(true);
    expect(failures).toEqual([]);
  });

  it('is seen to fail while nothing more comes', async () => {
    const { feed, failures } = await fed('fails', 'read -r line; exit 3');
    expect(await until(() => failures.length > 0, 5)).toBe(true);
    expect([failures, feed.closed.aborted]).toEqual([['ended with code 3'], false]);
  });

  it.each([
    ['has all and goes on', 'cat >/dev/null; echo $$; exec sleep 60'],
    ['takes nothing', 'echo $$; exec sleep 60'],
    ['does not end when it is asked to', "trap '' TERM; echo $$; while :; do sleep 0.1; done"],
  ])('is ended when nobody waits any more for what %s', async (what, script) => {
    const { feed, child, lines, leave } = await fed(what.replaceAll(' ', '-'), script);
    if (what.startsWith('has')) expect(await feed.end(5000)).toBe(true);
    expect(await until(() => lines.length > 0, 5)).toBe(true);
    await leave();
    expect(child.exitCode ?? child.signalCode).not.toBeNull();
    expect(() => process.kill(Number(lines[0]), 0)).toThrow('ESRCH');
  });
});
