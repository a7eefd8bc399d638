import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerOf } from '../../src/remote/remote.ts';
import { parseView } from '../../src/runtimes/processes.ts';
import { type LocalContainer, localContainer } from '../support/local-container.ts';

const id = '5f0c2f4be0a5d21d0bd2bb19c2f9a1ec9a8c5b0fb1b2f2ee77f3d1a2ec1cbb01';
const other = id.replace('5f0c', '5f0d');
const pod = 'podd2f0b1b0-7a35-4f0c-8a1f-2f1f6c4a1b2c';
const slice = `kubepods-burstable-${pod.replaceAll('-', '_')}.slice`;

/** How /proc/PID/cgroup looks from a debug container, by runtime, driver and version. */
const shapes = (of: string): Readonly<Record<string, string>> => ({
  'containerd, systemd, version 2': `0::/../cri-containerd-${of}.scope\n`,
  'containerd, cgroupfs, version 2': `0::/../${of}\n`,
  'version 2, seen from the host': `0::/kubepods.slice/kubepods-burstable.slice/${slice}/cri-containerd-${of}.scope\n`,
  'CRI-O, version 2': `0::/../crio-${of}.scope\n`,
  'CRI-O with crun, whose processes are one below': `0::/../crio-${of}.scope/container\n`,
  'systemd in the container': `0::/../cri-containerd-${of}.scope/init.scope\n`,
  'another pod slice between': `0::/../../${slice}/cri-containerd-${of}.scope\n`,
  'kind: kubelet in a container': `0::/../../../kubelet.slice/kubelet-kubepods.slice/${slice}/cri-containerd-${of}.scope\n`,
  'Docker by cri-dockerd': `0::/../docker-${of}.scope\n`,
  'version 1': `12:cpu,cpuacct:/kubepods/burstable/${pod}/${of}\n11:memory:/kubepods/burstable/${pod}/${of}\n1:name=systemd:/kubepods/${of}\n0::/\n`,
  'no line end': `0::/../${of}`,
});
/** What is not of the container: the debug container itself, the pod's other containers, pause. */
const others: Readonly<Record<string, string>> = {
  ...shapes(other),
  ourselves: '0::/\n',
  'nothing at all': '',
  'the pod itself': `0::/../\n`,
};

const folder = mkdtempSync(join(tmpdir(), 'kprof-cgroups-'));
const started: ChildProcess[] = [];
let container: LocalContainer;

/** A process in a folder with that as its file `cgroup`. */
function start(name: string, cgroup: string): number | undefined {
  const cwd = join(folder, name.replaceAll(/\W/g, '-'));
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'cgroup'), cgroup);
  const child = spawn('sleep', ['600'], { cwd, stdio: 'ignore' });
  started.push(child);
  return child.pid;
}

beforeAll(() => {
  process.env['KPROF_WITHIN'] = 'cwd/cgroup';
  container = localContainer({ ttl: 600, first: 60, cap: 600 });
});
afterAll(async () => {
  process.env['KPROF_WITHIN'] = undefined;
  for (const child of started) child.kill('SIGKILL');
  await container.end();
  rmSync(folder, { recursive: true });
});

it('the processes of the container are told from all others, whatever its cgroup looks like', async () => {
  const ours = Object.entries(shapes(id)).map(([name, cgroup]) => [start(`ours ${name}`, cgroup), name] as const);
  for (const [name, cgroup] of Object.entries(others)) start(`theirs ${name}`, cgroup);
  const text = await answerOf(container, ['look', id], { what: 'look', signal: new AbortController().signal, deadline: 60_000 });
  const seen = parseView(text).processes.map(({ pid }) => pid);
  expect(ours.filter(([pid]) => !seen.includes(pid as number)).map(([, name]) => name)).toEqual([]);
  expect(seen).toHaveLength(ours.length);
}, 90_000);
