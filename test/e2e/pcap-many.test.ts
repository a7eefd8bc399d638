import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, applyNetPods, sendRequests } from './net-pods.ts';
import { type Desk, desk, type Place, place } from './support.ts';

let ground: Place;
let laptop: Desk;
const pods = ['one', 'two', 'three'];

beforeAll(() => {
  laptop = desk();
  ground = place('baseline');
  const client = { command: ['node', '-e', 'setInterval(() => {}, 1e6)'] };
  applyNetPods(ground.namespace, { ...Object.fromEntries(pods.map((name) => [name, { labels: { app: 'many' } }])), client });
});
afterAll(() => {
  ground?.remove();
  laptop?.remove();
});

/** One line for each packet: these fields of tshark's. */
const fields = (file: string, ...names: readonly string[]): readonly string[] =>
  execFileSync('tshark', ['-r', file, '-T', 'fields', ...names.flatMap((name) => ['-e', name])], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 26,
  })
    .split('\n')
    .filter((line) => line !== '');

describe('kprof pcap of several pods', () => {
  it('gives a file for each, and one in the order of time that has every packet once, with an interface for each pod', async () => {
    const folder = join(laptop.folder, 'several');
    mkdirSync(folder);
    const running = laptop.start(
      'pcap',
      '-n',
      ground.namespace,
      '-l',
      'app=many',
      '-i',
      'eth0',
      '--merge',
      '-f',
      `${folder}/`,
      '--no-open',
      'port 8080',
    );
    for (const pod of pods) await running.until(new RegExp(`${pod}: capturing on eth0`));
    for (const pod of pods)
      await sendRequests(ground.namespace, 'client', { host: addressOf(ground.namespace, pod), count: 5, path: `/${pod}` });
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended.code, ended.stderr).toBe(0);
    const paths = ended.stdout.trim().split('\n');
    expect(paths).toHaveLength(4);
    expect(readdirSync(folder)).toHaveLength(4);
    const merged = paths.pop() as string;
    const all = fields(merged, 'frame.time_epoch', 'frame.interface_name', 'http.request.uri');
    const times = fields(merged, 'frame.time_epoch');
    expect(times).toEqual([...times].sort());
    expect([...times]).toEqual(paths.flatMap((path) => fields(path, 'frame.time_epoch')).sort());
    expect(new Set(all.map((line) => line.split('\t')[1]))).toEqual(new Set(pods));
    for (const pod of pods) expect(all.filter((line) => line.endsWith(`\t${pod}\t/${pod}`))).toHaveLength(5);
  });

  it('says what does not go together before anything is done', async () => {
    for (const wrong of [['-f', '-'], ['-f', 'x.pcapng'], ['--live'], ['--rotate', '1MB']])
      expect(await laptop.kprof('pcap', '-n', ground.namespace, '-l', 'app=many', ...wrong)).toMatchObject({ code: 2, stdout: '' });
    expect(await laptop.kprof('pcap', '-n', ground.namespace, 'one', '--all-pods')).toMatchObject({ code: 2 });
    expect(await laptop.kprof('pcap', '-n', ground.namespace, '-l', 'app=none')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('app=none'),
    });
  });
});
