import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { viewers } from '../../src/viewers/index.ts';
import { findLive, type LiveWish } from '../../src/viewers/live.ts';
import { sandbox } from '../support/sandbox.ts';

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
