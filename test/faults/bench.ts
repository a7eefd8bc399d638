/** A sandbox with pods to capture from, and what must hold of each capture however it ends. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from 'vitest';
import { jfr } from '../../src/formats/jfr.ts';
import { type Desk, desk, type Ended, type Running } from '../e2e/support.ts';
import type { Webhook } from '../sandbox/admission.ts';
import type { Call } from '../sandbox/call.ts';
import { random } from '../sandbox/faults.ts';
import { type Failing, shell } from '../sandbox/images.ts';
import type { Pod } from '../sandbox/objects.ts';
import { kill, marked, marks } from '../sandbox/processes.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { type ChaosProxy, chaosProxy } from '../support/chaos-proxy.ts';
import { until } from '../support/shells.ts';
import { surely } from '../support/verdict.ts';
import { type FakeJvm, fakeJvm, recordingsIn } from './fake-jvm.ts';

/** Of all that is left to chance; to have the same again: KPROF_SEED. */
export const seed: number = Number(process.env['KPROF_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Numbers from 0 to 1 that belong to a name. */
export const chances = (name: string): (() => number) => random(createHash('sha256').update(`${seed} ${name}`).digest().readInt32LE());

/** Seconds within which a run must have ended: a line may be waited for 50 s, and the pod for 25 s. */
const deadline = 150;

/** Seconds after the end of a client within which nothing of it runs. */
const bound = 60;

/** A pod, a user's desk, a proxy between them. */
export interface Stand {
  readonly pod: string;
  readonly desk: Desk;
  readonly proxy: ChaosProxy;
  readonly bench: Bench;
  /** IDs of the captures that were begun. */
  readonly ids: () => readonly string[];
  /** `jfr POD --server PROXY …`, as it is typed. */
  argv(...more: readonly string[]): readonly string[];
  /** Whether the app runs, also after a restart. */
  isUp(): boolean;
  /** Removes what the captures left. */
  forget(): void;
  remove(): void;
}

/** Where pods stand. */
export interface Bench extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly jvm: FakeJvm;
  stand(pod: string): Promise<Stand>;
}

/** What an image of that name in small letters does instead of running. */
export const failing: readonly Failing[] = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'ContainerCreating',
  'ExecFormatError',
  'ExitsAtOnce',
  'OOMKilled',
  'ContainerCannotRun',
  'DeadlineExceeded',
  'ContainerStatusUnknown',
];

/** Does to a debug container what its pod is called. */
const policy: Webhook = {
  name: 'policy.example.com',
  review({ metadata: { name } }, added) {
    const ours = added.filter((each) => each.name.startsWith('kprof-'));
    if (ours.length === 0) return undefined;
    if (name === 'denied') return { denies: 'no debugging here' };
    if (name === 'broken') return { breaks: 'context deadline exceeded' };
    if (name === 'changed') for (const each of ours) each.env = [...(each.env ?? []), { name: 'TEAM', value: 'shop' }];
    return undefined;
  },
};

/** Starts one; `env` are the script's times, and `secret` is in each recording. */
export async function startBench(env: Readonly<Record<string, string>>, secret?: string): Promise<Bench> {
  // Whatever is made for one user alone, is so whatever the user's umask.
  process.umask(0);
  const folder = mkdtempSync(join(tmpdir(), 'kprof-faults-'));
  const jvm = fakeJvm(folder, undefined, secret);
  const image = { programs: [...shell, 'setpriv', 'zstd', 'tini', 'jattach', 'inroot'], from: [jvm.programs] };
  const stock = { ...image, programs: image.programs.filter((name) => name !== 'zstd') };
  const failed = Object.fromEntries(failing.map((fails) => [fails.toLowerCase(), { fails }]));
  const sandbox = await startSandbox({ env, images: { 'kprof-jvm': image, stock, ...failed }, webhooks: [policy] });
  const bench: Bench = {
    sandbox,
    jvm,
    stand: (pod) => stand(bench, pod),
    async [Symbol.asyncDispose]() {
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

async function stand(bench: Bench, pod: string): Promise<Stand> {
  const { sandbox, jvm } = bench;
  await sandbox.pod(pod, { command: jvm.command });
  await until(() => existsSync(join(targetOf(bench, pod).folder, 'never')), 30);
  const server = new URL(sandbox.server);
  const proxy = await chaosProxy(server.hostname, Number(server.port));
  const ids: string[] = [];
  const note = (_: Sandbox, { url }: Call) => ids.push(/command=hold&command=([0-9a-f]{16})/.exec(url)?.[1] ?? '');
  sandbox.faults.add({ when: execs(pod, 'hold'), fault: 'happen', after: 0, what: note });
  const laptop = desk({ KUBECONFIG: sandbox.kubeconfig, KPROF_REGISTRY: 'registry.local' });
  const forget = () => {
    for (const path of ids.flatMap(filesOf)) rmSync(path, { recursive: true, force: true });
  };
  return {
    pod,
    desk: laptop,
    forget,
    proxy,
    bench,
    ids: () => ids,
    isUp: () => existsSync(join(targetOf(bench, pod).folder, 'never')),
    argv: (...more) => [
      'jfr',
      pod,
      '--duration',
      '1s',
      '--server',
      `https://127.0.0.1:${proxy.port}`,
      '-f',
      'it.jfr',
      '--no-open',
      ...more,
    ],
    remove: () => {
      forget();
      proxy.close();
      laptop.remove();
      sandbox.remove(pod);
    },
  };
}

const filesOf = (id: string): readonly string[] => [`/tmp/kprof-${id}`, `/dev/shm/kprof-${id}`];

/** The requests of an exec of kprof's in a pod. */
export const execs = (pod: string, verb: string) => ({ path: new RegExp(`/pods/${pod}/exec\\?.*command=kprof&command=${verb}`) });

/** The target as a process. */
function targetOf({ sandbox }: Bench, pod: string): { readonly pid: number; readonly folder: string; readonly born: string } {
  const found = sandbox.store.get('pods', 'default', pod) as Pod | undefined;
  const running = found === undefined ? undefined : sandbox.kubelet.container(found, 'app')?.running;
  if (running?.main.pid === undefined) return { pid: 0, folder: '', born: '' };
  return { pid: running.main.pid, folder: running.folder, born: stat(running.main.pid)[19] ?? '' };
}

/** Fields of /proc/PID/stat from the third on; none when there is no such process. */
function stat(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** What happened, for the assertions. */
export interface Outcome {
  readonly ended: Ended;
  /** The target lived, and was never stopped. */
  readonly unharmed: boolean;
  /** It did not end within its deadline, and was killed. */
  readonly isLate: boolean;
}

/** Waits for kprof's end, which comes; looks at the target all the while, and does something `during` it. */
export async function run(
  { bench, pod }: Pick<Stand, 'bench' | 'pod'>,
  running: Running,
  during: () => Promise<unknown> = async () => {},
): Promise<Outcome> {
  const target = targetOf(bench, pod);
  let stopped = false;
  const look = setInterval(() => {
    const [state = ''] = stat(target.pid);
    stopped ||= /[tT]/.test(state);
  }, 100);
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    running.child.kill('SIGKILL');
  }, deadline * 1000);
  try {
    await Promise.all([running.ended, during()]);
  } finally {
    clearInterval(look);
    clearTimeout(late);
  }
  const now = targetOf(bench, pod);
  return { ended: await running.ended, unharmed: !stopped && now.pid === target.pid && stat(now.pid)[19] === target.born, isLate };
}

/** What a run may leave. */
export interface Promises {
  /** Exit codes that are right; null: it was killed. */
  readonly codes: readonly (number | null)[];
  /** The target was meant to end. */
  readonly targetEnds?: boolean;
  /** kprof had no time to clean up, nor to say what it left. */
  readonly leftToThePod?: boolean;
}

/** All that must hold of every run. Only what a slow machine explains may be tried again. */
export async function sound(stand: Stand, outcome: Outcome, promises: Promises): Promise<void> {
  const { code, took, stderr } = outcome.ended;
  const said = `pod ${stand.pod}, exit ${code} after ${Math.round(took / 1000)}s, seed ${seed}\n${stderr}`;
  expect(outcome.isLate, said).toBe(false);
  await surely(() => holds(stand, outcome, promises, said));
  // Slowness makes it time out, or what is done to it come too late.
  const isSlow = code === 0 || code === 6 || stderr.includes('The pod has ended the capture');
  const isMeant = () => expect(promises.codes, said).toContain(code);
  if (isSlow) isMeant();
  else await surely(isMeant);
}

/** What holds however slow a machine is. */
async function holds(
  stand: Stand,
  { ended, unharmed }: Outcome,
  { targetEnds = false, leftToThePod = false }: Promises,
  said: string,
): Promise<void> {
  expect(ended.stderr, said).not.toMatch(/ {4}at |bug of kprof/);
  if (!targetEnds) expect(unharmed, said).toBe(true);
  await artifactIsRight(stand, ended, leftToThePod, said);
  nothingForOthers(stand.desk.folder, said);
  // What was captured is kept for who comes back.
  const kept = leftToThePod || /kprof resume|by itself within/.test(ended.stderr);
  const left = () => leftInPod(stand, kept ? stand.ids() : []);
  // A container's files end with it; here they are this machine's.
  if (targetEnds) stand.forget();
  expect(await until(() => left().length === 0, bound), `${left()}\n${said}`).toBe(true);
  await endContainers(stand);
  expect(leftInTarget(stand, []), said).toEqual([]);
}

/** No artifact is called whole that is not, and none that is whole is not called so. */
async function artifactIsRight(
  { desk: { folder }, bench: { jvm } }: Stand,
  { code, stdout, stderr }: Ended,
  leftToThePod: boolean,
  said: string,
): Promise<void> {
  const files = readdirSync(folder).filter((name) => name !== '.state');
  const path = join(folder, 'it.jfr');
  if (stdout === '') {
    expect(code, said).not.toBe(0);
    const isSaid = leftToThePod || stderr.includes(`${path}.partial`);
    expect(
      files.filter((name) => !isSaid || name !== 'it.jfr.partial'),
      said,
    ).toEqual([]);
  } else {
    expect(stdout, said).toBe(`${path}\n`);
    expect(files, said).toEqual(['it.jfr']);
    expect(createHash('sha256').update(readFileSync(path)).digest('hex'), said).toBe(jvm.sha256);
    await jfr.check(path);
  }
  const captures = join(folder, '.state/kprof/captures');
  const records = existsSync(captures) ? readdirSync(captures) : [];
  if (!leftToThePod && !/kprof (resume|gc)/.test(stderr)) expect(records, said).toEqual([]);
}

/** With umask 0. */
function nothingForOthers(folder: string, said: string): void {
  const all = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  const open = all.filter((path) => (lstatSync(path).mode & 0o077) !== 0).map((path) => relative(folder, path));
  expect(open, said).toEqual([]);
}

/** Files and recordings of the captures; those of `kept` captures may be there. */
export function leftInTarget({ bench, pod, ids }: Stand, kept: readonly string[]): readonly string[] {
  const { folder } = targetOf(bench, pod);
  const recordings = folder === '' ? [] : recordingsIn(folder).map((name) => `recording ${name}`);
  const files = ids()
    .filter((id) => !kept.includes(id))
    .flatMap(filesOf)
    .filter((path) => existsSync(path));
  const doors = folder === '' ? [] : readdirSync(folder).filter((name) => name.startsWith('.attach_pid'));
  return [...recordings, ...files, ...doors];
}

/** Debug containers that run: their folders and processes. */
function debugContainers({ bench: { sandbox }, pod }: Stand) {
  const found = sandbox.store.get('pods', 'default', pod) as Pod | undefined;
  return (found?.spec.ephemeralContainers ?? []).flatMap(({ name }) => (found && sandbox.kubelet.container(found, name)?.running) ?? []);
}

/** What still runs or lies about: nothing but supervisors, and what was promised to be kept until they end. */
function leftInPod(stand: Stand, kept: readonly string[]): readonly string[] {
  const processes = debugContainers(stand).flatMap(({ id, main }) =>
    marked(marks.container, id)
      .filter((pid) => pid !== main.pid && Number(stat(pid)[1]) !== main.pid)
      .map((pid) => `process ${pid} ${readCommand(pid)}`),
  );
  // One that has just been started has no such folder yet.
  const clients = debugContainers(stand)
    .map(({ folder }) => join(folder, 'kprof/clients'))
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((pid) => `client ${pid}`) : []));
  return [...processes, ...clients, ...leftInTarget(stand, kept)];
}

const readCommand = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return 'that is gone';
  }
};

/** As their TTL does it; files that were kept go with them. */
async function endContainers(stand: Stand): Promise<void> {
  for (const { main } of debugContainers(stand)) if (main.pid !== undefined) kill(main.pid, 'SIGTERM');
  expect(await until(() => debugContainers(stand).length === 0, bound), 'the debug container ends').toBe(true);
}
