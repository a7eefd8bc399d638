/** As many packets as this machine makes, from one pod to another, and what a capture of them is. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf } from './net-pods.ts';
import { type Desk, kubeconfig, record } from './support.ts';

const sender = `
const [host, seconds] = process.argv.slice(1);
const socket = require('dgram').createSocket('udp4');
const bytes = Buffer.alloc(200);
const end = Date.now() + seconds * 1000;
let flying = 0;
const more = () => {
  while (flying < 64 && Date.now() < end) { flying++; socket.send(bytes, 9, host, () => { flying--; more(); }); }
  if (Date.now() >= end && flying === 0) socket.close();
};
more();`;

/** Sends from the pod `from` for so many seconds; settles when it is over. */
export function flood(namespace: string, from: string, to: string, seconds: number): Promise<void> {
  const argv = ['exec', '-n', namespace, from, '-c', 'app', '--', 'node', '-e', sender, addressOf(namespace, to), String(seconds)];
  const child = spawn('kubectl', ['--kubeconfig', kubeconfig, ...argv], { stdio: 'ignore' });
  return new Promise((done) => child.once('close', () => done()));
}

/** What kprof may hold at most, however long it goes on: twice what was measured. */
export const mostMebibytes = 200;

/** What came of it. */
export interface Flooded {
  readonly code: number | null;
  readonly stderr: string;
  /** As kprof counted. */
  readonly packets: number;
  readonly received: number;
  readonly dropped: number;
  /** In the files, as capinfos counts; it fails where one is not valid. */
  readonly inFiles: number;
  readonly files: number;
  /** MiB that kprof held at most. */
  readonly peak: number;
}

/** Captures a flood of so many seconds into files of so many bytes. */
export async function captureFlood(
  laptop: Desk,
  namespace: string,
  { seconds, bytes, headers = false }: { seconds: number; bytes: string; headers?: boolean },
): Promise<Flooded> {
  const more = headers ? ['--headers-only'] : [];
  const running = laptop.start(
    'pcap',
    '-n',
    namespace,
    'web',
    '-i',
    'eth0',
    '-f',
    `${laptop.folder}/`,
    '-o',
    'json',
    '--rotate',
    bytes,
    ...more,
    'udp',
  );
  await running.until(/until Ctrl-C/);
  let [peak, over] = [0, false];
  const watching = (async () => {
    for (; !over; await sleep(200)) {
      const held = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${running.child.pid}/status`, 'utf8'))?.[1];
      peak = Math.max(peak, Number(held ?? 0) / 1024);
    }
  })().catch(() => {}); // it has ended
  await flood(namespace, 'client', 'web', seconds);
  running.child.kill('SIGINT');
  const ended = await running.ended;
  over = true;
  await watching;
  if (ended.code !== 0) return { code: ended.code, stderr: ended.stderr, packets: 0, received: 0, dropped: 0, inFiles: 0, files: 0, peak };
  const { summary, files } = record(ended) as unknown as {
    summary: { packets: number; received: number; dropped: number };
    files: readonly string[];
  };
  const inFiles = files.reduce(
    (sum, file) => sum + Number(/Number of packets: +(\d+)/.exec(execFileSync('capinfos', ['-M', '-c', file], { encoding: 'utf8' }))?.[1]),
    0,
  );
  return { code: 0, stderr: ended.stderr, ...summary, inFiles, files: files.length, peak };
}
