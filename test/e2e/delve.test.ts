import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attach, type Dap, dap } from '../support/dap.ts';
import { isAnswering, pods, restarts, tracer } from './delve-pods.ts';
import { dlv } from './dlv.ts';
import { applyGoPods } from './go-pods.ts';
import { type Desk, debugContainers, desk, eventually, hasEnded, kubectl, type Place, place, type Running } from './support.ts';

type PodName = keyof typeof pods;

let ground: Place;
let open: Place;
let laptop: Desk;

beforeAll(() => {
  dlv();
  laptop = desk();
  ground = place('restricted');
  open = place();
  applyGoPods(ground.namespace, pods);
  applyGoPods(open.namespace, {
    twins: { args: ['twin', 'addr=:8080,serve=http', 'and', 'addr=:8081,serve=http'], root: true },
  });
});
afterAll(() => {
  ground?.remove();
  open?.remove();
  laptop?.remove();
});

/** A kprof that serves, and the address at which. */
async function serving(
  where: Place,
  pod: string,
  ...more: readonly string[]
): Promise<{ readonly running: Running; readonly address: string }> {
  const running = laptop.start('delve', pod, '-n', where.namespace, '--yes', ...more);
  await Promise.race([running.until(/Ctrl-C here ends the session/, 200), running.ended]);
  const address = /dlv connect (\S+)/.exec(running.stderr())?.[1];
  if (address === undefined) throw new Error(running.stderr());
  return { running, address };
}

/** What `dlv connect` prints when somebody types these lines. */
function connectAndType(address: string, ...lines: readonly string[]): Promise<string> {
  const client = spawn(dlv(), ['connect', address, '--allow-non-terminal-interactive=true'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [client.stdout, client.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  client.stdin.end(`${lines.join('\n')}\n`);
  return new Promise((resolve) => client.once('close', () => resolve(said)));
}

const lastContainer = (where: Place, pod: string): string => debugContainers(where.namespace, pod).at(-1) as string;

/** Nobody traces it, it answers, and it is the same as before. */
async function isUnharmed(where: Place, pod: string, pid = 1): Promise<void> {
  const container = lastContainer(where, pod);
  expect(await eventually(() => hasEnded(where.namespace, pod, container) || tracer(where, pod, container, pid) === 0, 10)).toBe(true);
  expect(await eventually(() => isAnswering(where, pod), 10)).toBe(true);
  expect(restarts(where, pod)).toBe(0);
}

describe('kprof delve, with dlv connect', () => {
  it.concurrent.each(['newest', 'oldest', 'stripped'] as const)('stops at a breakpoint of %s, looks, and goes', async (pod) => {
    const { running, address } = await serving(ground, pod);
    expect(address).toMatch(/^unix:/);
    expect(statSync(dirname(address.slice(5))).mode & 0o777).toBe(0o700);
    const look = pod === 'stripped' ? 'stack 3' : 'print len(main.kept)';
    // The last answers are to «kill the headless instance?» and «kill the process?».
    const said = await connectAndType(address, 'break main.allocate', 'continue', look, 'call main.allocate()', 'exit', 'y', 'y');
    expect(said).toMatch(/Breakpoint 1 set at .* for main\.allocate/);
    expect(said).toMatch(/\[Breakpoint 1\] main\.allocate/);
    expect(said).toMatch(pod === 'stripped' ? /in .*main\.main/ : /^\(dlv\) \d+$/m);
    expect(said).toMatch(pod === 'stripped' ? /function calls not supported/ : /kprof_makes_no_function_calls/);
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: `${address}\n` });
    expect(ended.stderr).toMatch(/The last client left/);
    if (pod === 'stripped') expect(ended.stderr).toMatch(/is stripped/);
    if (pod === 'oldest') expect(ended.stderr).toMatch(/is made for Go 1\.\d+ to 1\.\d+, and process 1 runs go1\.13/);
    await isUnharmed(ground, pod);
  });
});

describe('kprof delve, with a client as VS Code has it', () => {
  it('debugs one of two processes of root, at a port, with sources elsewhere', async () => {
    const before = await laptop.kprof('delve', 'twins', '-n', open.namespace, '--yes');
    expect(before).toMatchObject({ code: 2 });
    const [, pid] = /^\s+(?:try: )?.*?(\d+) {2}\/app .*8081/m.exec(before.stderr) ?? [];
    const { running, address } = await serving(open, 'twins', '--pid', pid as string, '--port', '0');
    expect(running.stderr()).toMatch(/Every user of this machine can connect to port \d+/);
    const client = await dap(address);
    const substitutePath = [{ from: '/home/me/src', to: 'workload' }];
    await attach(client, ['main.allocate'], { substitutePath });
    const { threadId } = await client.event('stopped');
    const { stackFrames } = (await client.ask('stackTrace', { threadId })) as {
      readonly stackFrames: readonly { readonly id: number; readonly name: string; readonly source: { readonly path: string } }[];
    };
    expect(stackFrames[0]).toMatchObject({ name: 'main.allocate', source: { path: '/home/me/src/main.go' } });
    const frameId = stackFrames[0]?.id;
    expect(await client.ask('evaluate', { expression: 'len(main.kept)', frameId, context: 'watch' })).toMatchObject({ type: 'int' });
    await expect(client.ask('evaluate', { expression: 'call main.allocate()', frameId, context: 'repl' })).rejects.toThrow(
      /kprof_makes_no/,
    );
    await client.ask('setFunctionBreakpoints', { breakpoints: [] });
    await client.ask('continue', { threadId });
    // Of which nothing is to come.
    await client.ask('disconnect', { terminateDebuggee: true });
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    await isUnharmed(open, 'twins', Number(pid));
  });
});

/** A process that stands at a breakpoint, and who holds it there. */
async function halted(pod: PodName): Promise<{ readonly running: Running; readonly client: Dap }> {
  const { running, address } = await serving(ground, pod);
  const client = await dap(address);
  await attach(client, ['main.allocate']);
  await client.event('stopped');
  expect(isAnswering(ground, pod)).toBe(false);
  return { running, client };
}

describe('a process that stands at a breakpoint runs on when', () => {
  it.concurrent('Ctrl-C ends kprof', async () => {
    const { running } = await halted('interrupted');
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    await isUnharmed(ground, 'interrupted');
  });

  it.concurrent('its client is gone', async () => {
    const { running, client } = await halted('left');
    client.vanish();
    expect(await eventually(() => isAnswering(ground, 'left'), 15)).toBe(true);
    expect(await running.ended).toMatchObject({ code: 0 });
    await isUnharmed(ground, 'left');
  });

  it.concurrent('kprof is killed', async () => {
    const { running } = await halted('killed');
    running.child.kill('SIGKILL');
    expect(await eventually(() => isAnswering(ground, 'killed'), 15)).toBe(true);
    const container = lastContainer(ground, 'killed');
    expect(await eventually(() => tracer(ground, 'killed', container) === 0, 65)).toBe(true);
    await isUnharmed(ground, 'killed');
  });

  it.concurrent('kprof is stopped', async () => {
    const { running } = await halted('stopped');
    running.child.kill('SIGSTOP');
    const container = lastContainer(ground, 'stopped');
    expect(await eventually(() => tracer(ground, 'stopped', container) === 0, 65)).toBe(true);
    await isUnharmed(ground, 'stopped');
    running.child.kill('SIGCONT');
    running.child.kill('SIGKILL');
  });

  it.concurrent('its debug container is told to end', async () => {
    const { running } = await halted('terminated');
    const container = lastContainer(ground, 'terminated');
    kubectl(
      'exec',
      '-n',
      ground.namespace,
      'terminated',
      '-c',
      container,
      '--',
      'sh',
      '-c',
      'kill -TERM $(cut -d " " -f 1 /tmp/kprof/main)',
    );
    expect((await running.ended).code).not.toBe(null);
    expect(hasEnded(ground.namespace, 'terminated', container)).toBe(true);
    await isUnharmed(ground, 'terminated');
  });
});
