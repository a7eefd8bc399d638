import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterProxy } from './big-file.ts';
import { addressOf, applyNetPods, restricted, sendRequests } from './net-pods.ts';
import { type Desk, desk, eventually, type Place, place } from './support.ts';

let ground: Place;
let laptop: Desk;
let web: string;
let bin: string;

beforeAll(() => {
  laptop = desk();
  ground = place('baseline');
  bin = join(laptop.folder, 'bin');
  mkdirSync(bin);
  applyNetPods(ground.namespace, { web: restricted, client: { command: ['node', '-e', 'setInterval(() => {}, 1e6)'] } });
  web = addressOf(ground.namespace, 'web');
});
afterAll(() => {
  ground?.remove();
  laptop?.remove();
});

const send = (count: number, path: string) => sendRequests(ground.namespace, 'client', { host: web, count, path });
const has = (program: string): boolean => (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));
const requests = (file: string, path: string): number =>
  execFileSync('tshark', ['-r', file, '-Y', `http.request.uri == "${path}"`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .split('\n')
    .filter((line) => line !== '').length;
const text = (file: string): string => (existsSync(file) ? readFileSync(file, 'latin1') : '');

/** A laptop on which Wireshark is this script, and a display is there. */
function beside(name: string, script: string) {
  const folder = join(bin, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'wireshark'), `#!/bin/sh\necho "$@" >${join(folder, 'argv')}\necho $$ >${join(folder, 'pid')}\n${script}\n`, {
    mode: 0o755,
  });
  const file = join(laptop.folder, `${name}.pcapng`);
  const capture = (...more: readonly string[]) => {
    Object.assign(laptop.env, { PATH: `${folder}:${process.env['PATH']}`, DISPLAY: ':9' });
    return laptop.start('pcap', '-n', ground.namespace, 'web', '-i', 'eth0', '-f', file, '--force', '--live', ...more);
  };
  return { folder, file, capture, pid: () => Number(text(join(folder, 'pid'))) };
}

describe('kprof pcap --live', () => {
  it('gives the viewer the packets as they are sent, and ends with it', async () => {
    const { folder, file, capture, pid } = beside('reader', 'exec cat >"${0%/*}/seen"');
    const running = capture();
    await running.until(/until Ctrl-C/);
    await send(3, '/shown');
    expect(await eventually(() => text(join(folder, 'seen')).split('GET /shown').length === 4, 20)).toBe(true);
    expect(text(join(folder, 'argv'))).toBe(`-k -i - -o gui.window_title:${ground.namespace}/web\n`);
    process.kill(pid());
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: `${file}\n` });
    expect(requests(file, '/shown')).toBe(3);
  });

  it('is not harmed by a viewer that stalls', async () => {
    const { file, capture, pid } = beside('stalled', 'exec sleep 600');
    const running = capture();
    await running.until(/until Ctrl-C/);
    await send(60, '/stalled');
    running.child.kill('SIGINT');
    const ended = await running.ended;
    process.kill(pid());
    expect(ended.code, ended.stderr).toBe(0);
    expect(requests(file, '/stalled')).toBe(60);
  });

  it('goes on without a viewer that fails', async () => {
    const { file, capture } = beside('failing', 'exit 3');
    const running = capture('--count', '20', 'port', '8080');
    await running.until(/until Ctrl-C/);
    await running.until(/Wireshark ended with code 3; the capture goes on/);
    await send(3, '/failing');
    const ended = await running.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(requests(file, '/failing')).toBeGreaterThan(0);
  });

  it('shows them in tshark, printable', async () => {
    const running = laptop.start(
      'pcap',
      '-n',
      ground.namespace,
      'web',
      '-i',
      'eth0',
      '--viewer',
      'tshark',
      '--count',
      '10',
      'port',
      '8080',
    );
    await running.until(/until Ctrl-C/);
    await send(3, '/tshark');
    const ended = await running.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stderr).toContain('GET /tshark HTTP/1.1');
  });

  it('keeps the newest of several files, which lose nothing between them', async () => {
    const folder = join(laptop.folder, 'files');
    mkdirSync(folder);
    const keys = join(laptop.folder, 'keys');
    writeFileSync(keys, `CLIENT_RANDOM ${'ab'.repeat(32)} ${'cd'.repeat(48)}\n`);
    const running = laptop.start(
      'pcap',
      '-n',
      ground.namespace,
      'web',
      '-i',
      'eth0',
      '-f',
      `${folder}/`,
      '--no-open',
      '--rotate',
      '20kB',
      '--keylog',
      keys,
    );
    await running.until(/until Ctrl-C/);
    await send(40, '/files');
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended.code, ended.stderr).toBe(0);
    const paths = ended.stdout.trim().split('\n');
    expect(paths.length).toBeGreaterThan(2);
    expect(readdirSync(folder)).toHaveLength(paths.length);
    expect(paths.reduce((sum, path) => sum + requests(path, '/files'), 0)).toBe(40);
    expect(text(paths[0] as string)).toContain('CLIENT_RANDOM abab');
  });

  it('refuses several files where an earlier capture has left some, and names those that are there when it fails', async () => {
    const files = (...more: readonly string[]) =>
      laptop.start('pcap', '-n', ground.namespace, 'web', '-i', 'eth0', '-f', join(laptop.folder, 'row.pcapng'), '--rotate', '20kB', '--no-open', ...more); // biome-ignore format: one line
    const proxy = await clusterProxy();
    try {
      const running = files('--server', proxy.url, '--insecure-skip-tls-verify');
      await running.until(/until Ctrl-C/);
      await send(40, '/row');
      expect(await eventually(() => existsSync(join(laptop.folder, 'row-00002.pcapng')), 30)).toBe(true);
      proxy.cutAfter(0);
      const ended = await running.ended;
      const named = /whole and kept in \d+ files, (\S+) to (\S+): /.exec(ended.stderr.replace(/\s+/g, ' '));
      expect(named?.slice(1).map(existsSync), ended.stderr).toEqual([true, true]);
      expect(await files().ended).toMatchObject({ code: 2, stderr: expect.stringContaining('row-00001.pcapng exists already') });
    } finally {
      proxy.close();
    }
  });

  const real = has('wireshark') && has('Xvfb') && has('xwininfo');
  it.skipIf(!real)(
    `shows them in the real Wireshark${real ? '' : ': skipped, as Wireshark, Xvfb and xwininfo are not all installed'}`,
    async () => {
      const display = spawn('Xvfb', [':93', '-screen', '0', '1200x800x24'], { stdio: 'ignore' });
      try {
        // What Wireshark has taken in, it keeps in a file of its own.
        const own = join(laptop.folder, 'wireshark');
        mkdirSync(own);
        const surroundings = { DISPLAY: ':93', HOME: laptop.folder, XDG_RUNTIME_DIR: laptop.folder, TMPDIR: own };
        Object.assign(laptop.env, { PATH: process.env['PATH'], ...surroundings });
        expect(await eventually(() => existsSync('/tmp/.X11-unix/X93'), 20)).toBe(true);
        const running = laptop.start('pcap', '-n', ground.namespace, 'web', '-i', 'eth0', '--live', '--duration', '20s');
        const title = () => execFileSync('xwininfo', ['-display', ':93', '-root', '-tree'], { encoding: 'utf8' });
        expect(await eventually(() => title().includes(`${ground.namespace}/web`), 60)).toBe(true);
        await send(3, '/wireshark');
        const seen = () => readdirSync(own).flatMap((name) => text(join(own, name)).match(/GET \/wireshark/g) ?? []);
        expect(await eventually(() => seen().length === 3, 20)).toBe(true);
        expect((await running.ended).code).toBe(0);
      } finally {
        display.kill();
      }
    },
  );
});
