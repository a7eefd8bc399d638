import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Desk, desk, kubectl, type Place, place } from '../support.ts';

let ours: Place;
let laptop: Desk;
const pod = 'jdk17-root';

beforeAll(async () => {
  laptop = desk();
  ours = place('baseline');
  await ours.apply(pod);
});
afterAll(() => {
  ours?.remove();
  laptop?.remove();
});

const sh = (script: string) => kubectl('exec', '-n', ours.namespace, pod, '-c', 'app', '--', 'sh', '-c', script);

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

it('the pull moves 2 GiB, verified, in less than 150 MiB', async () => {
  const [there] = sh(
    'mkdir -m 700 /tmp/big && head -c 2147483648 /dev/urandom >/tmp/big/random.bin && sha256sum /tmp/big/random.bin',
  ).split(' ');
  const to = join(laptop.folder, 'random.bin');
  const script = new URL('../../support/pull-file.ts', import.meta.url).pathname;
  const printed = execFileSync(process.execPath, [script, ours.namespace, pod, '/tmp/big/random.bin', to], {
    env: laptop.env,
    encoding: 'utf8',
  });
  sh('rm -r /tmp/big');
  const moved = JSON.parse(printed) as { bytes: number; sha256: string; seconds: number; maxRssMiB: number };
  expect(moved).toMatchObject({ bytes: 2 ** 31, sha256: there });
  expect(await sha256(to)).toBe(there);
  expect(moved.maxRssMiB).toBeLessThan(150);
}, 300_000);
