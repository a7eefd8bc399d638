import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CaptureRecord, keepCapture, readCaptures, thisClient } from '../../src/state/captures.ts';
import { type Entry, readJournal, remember } from '../../src/state/journal.ts';
import { apiServer, json } from '../support/api-server.ts';
import { kprof, kubeconfig } from '../support/cli.ts';

let folder: string;
let bystander: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kprof-left-'));
  bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
});
afterEach(() => {
  bystander.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const env = () => ({ XDG_STATE_HOME: join(folder, 'state') });
const id = '0123456789abcdef';
const day = 24 * 3_600_000;
const user = { uid: 1000, gid: 1000 };

const record = (more: Partial<CaptureRecord> = {}): CaptureRecord => ({
  version: 1,
  id,
  stage: 'pulling',
  tool: 'jfr',
  format: 'jfr',
  startedAt: new Date().toISOString(),
  connection: {},
  namespace: 'shop',
  pod: 'api',
  uid: 'u',
  container: 'app',
  containerId: 'app',
  process: { pid: 1, started: '7', ...user, groups: [] },
  runtime: undefined,
  debugContainer: { name: 'kprof-jvm-x', user, rung: 'same-user', why: '' },
  tools: [],
  early: false,
  remote: { path: '/tmp/kprof-x/it.jfr', at: 'target' },
  final: join(folder, 'it.jfr'),
  partial: join(folder, 'it.jfr.partial'),
  ours: true,
  ttl: 600,
  client: { pid: bystander.pid as number, started: '1', host: 'elsewhere.example' },
  ...more,
});

const entry = (more: Partial<Entry> = {}): Entry => ({
  context: 'one',
  namespace: 'shop',
  pod: 'api',
  podUid: 'u',
  container: 'kprof-jvm-x',
  targetContainerId: 'app',
  imageId: 'i',
  spec: 's',
  at: Date.now(),
  ...more,
});

const runs = { running: {} };
const crashed = { waiting: { reason: 'CrashLoopBackOff' } };

/** What kprof says of a pod whose app and debug containers are in these states; the latter in the later ones after `until` looks. */
async function said(
  argv: readonly string[],
  app: object = runs,
  debug: Readonly<Record<string, object>> = {},
  restartPolicy: 'Always' | 'Never' = 'Always',
  { until, later }: { readonly until: number; readonly later: object } = { until: Number.POSITIVE_INFINITY, later: {} },
) {
  let looks = 0;
  const pod = () => ({
    metadata: { name: 'api', namespace: 'shop', uid: 'u', resourceVersion: '1' },
    spec: {
      restartPolicy,
      containers: [{ name: 'app', image: 'a' }],
      ephemeralContainers: Object.keys(debug).map((name) => ({ name, image: 'a' })),
    },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'app', state: app, restartCount: 0, containerID: 'containerd://app' }],
      ephemeralContainerStatuses: Object.entries(debug).map(([name, state]) => ({ name, state: looks++ < until ? state : later })),
    },
  });
  await using server = await apiServer((response, { url }) =>
    url.includes('watch=true') ? void response.writeHead(200).flushHeaders() : json(response, pod()),
  );
  return await kprof(folder, argv, { KUBECONFIG: kubeconfig(folder, server.api.connection.server) });
}

const lives = () => bystander.exitCode === null && bystander.signalCode === null;
const records = async () => (await readCaptures(env())).map((each) => each.id);
const containers = async () => (await readJournal(env())).map(({ container }) => container);

describe('a capture whose kprof has another host name', () => {
  it('is stopped in the pod, and no process here', async () => {
    await keepCapture(env(), record());
    expect(await said(['stop', id])).toMatchObject({ code: 0, stderr: expect.stringContaining('went with the debug container') });
    expect([await records(), lives()]).toEqual([[], true]);
  });

  it('is told of by gc, and forgotten after a day', async () => {
    await keepCapture(env(), record());
    expect(await said(['gc'])).toMatchObject({ code: 0, stderr: expect.stringContaining(`To end it: kprof stop ${id}`) });
    expect(await records()).toEqual([id]);
    await keepCapture(env(), record({ startedAt: new Date(Date.now() - day - 1000).toISOString() }));
    expect(await said(['gc'])).toMatchObject({ code: 0, stderr: expect.stringContaining('it is forgotten') });
    expect([await records(), lives()]).toEqual([[], true]);
  });

  it('is listed with the name, and resume looks for it in the pod', async () => {
    await keepCapture(env(), record());
    expect(await said(['ls'])).toMatchObject({ code: 0, stdout: expect.stringContaining('pulling on elsewhere.example') });
    expect(await said(['resume'])).toMatchObject({ code: 5, stderr: expect.stringContaining('kprof-jvm-x') });
    expect(await records()).toEqual([]);
  });
});

it('a capture whose kprof may be another process by now is stopped in the pod', async () => {
  await keepCapture(env(), record({ client: { pid: bystander.pid as number, started: '', host: hostname() } }));
  expect(await said(['stop', id])).toMatchObject({ code: 0 });
  expect([await records(), lives()]).toEqual([[], true]);
});

it('a kprof that runs is told to end', async () => {
  const told = new Promise((resolve) => process.once('SIGTERM', resolve));
  await keepCapture(env(), record({ client: await thisClient() }));
  expect(await said(['stop', id])).toMatchObject({ code: 0, stderr: expect.stringContaining('was told to give it up') });
  await told;
  expect(await records()).toEqual([id]);
});

it.each([1, 2, 3])('gc minds no debug container that ends after %i looks', async (until) => {
  await remember(env(), entry());
  const ended = { until, later: { terminated: { exitCode: 0 } } };
  expect(await said(['gc'], runs, { 'kprof-jvm-x': runs }, 'Always', ended)).toMatchObject({ code: 0 });
  expect(await containers()).toEqual([]);
});

describe('a capture in a container that crashes', () => {
  const gone = { pid: bystanderPid(), started: '1', host: hostname() };
  const undo = (words: readonly [string, ...string[]]) => ({ undo: { from: {} as never, words: [words] }, client: gone });

  it.each([['gc'], ['stop', id]])('stays on record while its folder in shared memory does: %s', async (...argv) => {
    await keepCapture(env(), record(undo(['rm', '-rf', `/dev/shm/kprof-${id}`])));
    expect(await said(argv, crashed)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(`The folder /dev/shm/kprof-${id} is left .*crashes again and again`),
    });
    expect(await records()).toEqual([id]);
  });

  it('is over with a container that is never started again', async () => {
    await keepCapture(env(), record(undo(['rm', '-rf', `/dev/shm/kprof-${id}`])));
    expect(await said(['gc'], { terminated: { exitCode: 0 } }, {}, 'Never')).toMatchObject({ code: 0 });
    expect(await records()).toEqual([]);
  });

  it('is over when nothing of it can be left', async () => {
    await keepCapture(env(), record(undo(['inroot', '1', '7', 'rm', `/tmp/kprof-${id}`])));
    expect(await said(['gc'], crashed)).toMatchObject({ code: 0 });
    expect(await records()).toEqual([]);
  });
});

/** Of nobody: numbers end before. */
function bystanderPid(): number {
  return 2 ** 22 + 1;
}

describe('kprof gc forgets debug containers', () => {
  it('that have ended, and no others', async () => {
    for (const container of ['kprof-ended', 'kprof-waits', 'kprof-used']) await remember(env(), entry({ container }));
    await keepCapture(env(), record({ debugContainer: { ...record().debugContainer, name: 'kprof-used' } }));
    const debug = { 'kprof-ended': { terminated: { exitCode: 0 } }, 'kprof-waits': { waiting: {} }, 'kprof-used': runs };
    expect(await said(['gc'], runs, debug)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('kprof-used in pod shop/api is in use'),
    });
    expect((await containers()).sort()).toEqual(['kprof-used', 'kprof-waits']);
  });

  it('that it could end, and no others', async () => {
    await remember(env(), entry());
    // Nobody answers the exec.
    await said(['gc'], runs, { 'kprof-jvm-x': runs });
    expect(await containers()).toEqual(['kprof-jvm-x']);
  });

  it('and no others, while the app is between two runs', async () => {
    for (const container of ['kprof-ended', 'kprof-waits']) await remember(env(), entry({ container }));
    const debug = { 'kprof-ended': { terminated: { exitCode: 0 } }, 'kprof-waits': { waiting: {} } };
    expect(await said(['gc'], crashed, debug)).toMatchObject({ code: 0 });
    expect(await containers()).toEqual(['kprof-waits']);
  });
});

it('what was fetched when its kprof was killed gets its name, and the pod is cleaned up', async () => {
  await keepCapture(env(), record({ stage: 'done', format: 'text', client: { pid: bystanderPid(), started: '1', host: hostname() } }));
  writeFileSync(join(folder, 'it.jfr.partial'), 'x\n');
  expect(await said(['resume', '--no-open'])).toMatchObject({ code: 0, stdout: `${join(folder, 'it.jfr')}\n` });
  expect([existsSync(join(folder, 'it.jfr.partial')), await records()]).toEqual([false, []]);
  await keepCapture(env(), record({ stage: 'done', client: { pid: bystanderPid(), started: '1', host: hostname() } }));
  expect(await said(['resume', id])).toMatchObject({ code: 2, stderr: expect.stringContaining('was fetched') });
});

it('what came is still here when the rest is gone', async () => {
  await keepCapture(env(), record({ client: { pid: bystanderPid(), started: '1', host: hostname() } }));
  writeFileSync(join(folder, 'it.jfr.partial'), 'x');
  expect(await said(['resume', id])).toMatchObject({ code: 5, stderr: expect.stringContaining('it.jfr.partial') });
  expect([existsSync(join(folder, 'it.jfr.partial')), await records()]).toEqual([true, []]);
});
