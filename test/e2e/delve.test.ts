import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attach, dap } from '../support/dap.ts';
import { clusterProxy } from './big-file.ts';
import { isAnswering, isFree, pods, restarts } from './delve-pods.ts';
import { dlv } from './dlv.ts';
import { applyGoPods, deploy } from './go-pods.ts';
import { halted, serving } from './serving.ts';
import { type Desk, desk, eventually, hasEnded, kubeconfig, kubectl, type Place, place } from './support.ts';

let ground: Place;
let open: Place;
let laptop: Desk;

beforeAll(() => {
  dlv();
  laptop = desk();
  ground = place('restricted');
  open = place();
  applyGoPods(ground.namespace, pods);
  deploy(ground.namespace, 'deleted', 'rolled');
  applyGoPods(open.namespace, {
    twins: { args: ['twin', 'addr=:8080,serve=http', 'and', 'addr=:8081,serve=http'], root: true },
  });
});
afterAll(() => {
  ground?.remove();
  open?.remove();
  laptop?.remove();
});

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

/** Who goes first where memory is short: the score of the process, and the lowest of Delve's. */
function oomScores(pod: string, container: string): { readonly app: number; readonly ours: number } {
  const script = 'for each in 1 $(pidof keeper); do cat /proc/$each/oom_score_adj; done';
  const said = kubectl('exec', '-n', ground.namespace, pod, '-c', container, '--', 'sh', '-c', script);
  const [app = Number.NaN, ...ours] = said.trim().split('\n').map(Number);
  return { app, ours: Math.min(...ours) };
}

/** Nobody traces it, it answers, and it is the same as before. */
async function isUnharmed(where: Place, pod: string, pid = 1): Promise<void> {
  expect(await eventually(() => isFree(where, pod, pid), 10)).toBe(true);
  expect(await eventually(() => isAnswering(where, pod), 10)).toBe(true);
  expect(restarts(where, pod)).toBe(0);
}

describe('kprof delve, with dlv connect', () => {
  it.concurrent.each(['newest', 'oldest', 'stripped'] as const)('stops at a breakpoint of %s, looks, and goes', async (pod) => {
    const { running, address } = await serving(laptop, ground, pod);
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
    const { running, address } = await serving(laptop, open, 'twins', '--pid', pid as string, '--port', '0', '--write-launch-json');
    const launch = JSON.parse(readFileSync(join(laptop.folder, '.vscode/launch.json'), 'utf8'));
    expect(launch.configurations).toMatchObject([
      { name: 'kprof: twins', mode: 'remote', port: Number(address.split(':')[1]), substitutePath: [{ to: 'workload' }] },
    ]);
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

describe('kprof delve --client', () => {
  it.concurrent('is dlv connect in this terminal, and ends with it', async () => {
    const bin = new URL('../../bin/kprof.js', import.meta.url).pathname;
    const env = { ...laptop.env, PATH: `${dirname(dlv())}:${process.env['PATH']}` };
    const child = spawn(process.execPath, [bin, 'delve', 'typed', '-n', ground.namespace, '--yes', '--client'], {
      env,
      cwd: laptop.folder,
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdin.end('break main.allocate\ncontinue\nprint len(main.kept)\n');
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(said).toMatch(/^unix:\S+\n/);
    expect(said).toMatch(/\[Breakpoint 1\] main\.allocate/);
    await isUnharmed(ground, 'typed');
  });
});

describe('a process that stands at a breakpoint runs on when', () => {
  it.concurrent('Ctrl-C ends kprof', async () => {
    const { running } = await halted(laptop, ground, 'interrupted');
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    await isUnharmed(ground, 'interrupted');
  });

  it.concurrent('its client is gone', async () => {
    const { running, client, container } = await halted(laptop, ground, 'left');
    const armed = oomScores('left', container);
    // With a breakpoint armed, our end would be the app's.
    expect(armed.ours, JSON.stringify(armed)).toBeLessThanOrEqual(armed.app);
    client.vanish();
    expect(await eventually(() => isAnswering(ground, 'left'), 15)).toBe(true);
    expect(oomScores('left', container).ours).toBe(1000);
    expect(await running.ended).toMatchObject({ code: 0 });
    await isUnharmed(ground, 'left');
  });

  it.concurrent('kprof is killed', async () => {
    const { running } = await halted(laptop, ground, 'killed');
    running.child.kill('SIGKILL');
    expect(await eventually(() => isAnswering(ground, 'killed'), 15)).toBe(true);
    expect(await eventually(() => isFree(ground, 'killed'), 65)).toBe(true);
    await isUnharmed(ground, 'killed');
  });

  it.concurrent('kprof is stopped', async () => {
    const { running } = await halted(laptop, ground, 'stopped');
    running.child.kill('SIGSTOP');
    expect(await eventually(() => isFree(ground, 'stopped'), 65)).toBe(true);
    await isUnharmed(ground, 'stopped');
    running.child.kill('SIGCONT');
    running.child.kill('SIGKILL');
  });

  it.concurrent('its debug container is told to end', async () => {
    const { running, container } = await halted(laptop, ground, 'terminated');
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

  it.concurrent('the line falls silent', async () => {
    const proxy = await clusterProxy();
    const { running } = await halted(laptop, ground, 'silent', '--server', proxy.url, '--insecure-skip-tls-verify');
    proxy.silence();
    expect(await eventually(() => isFree(ground, 'silent'), 65)).toBe(true);
    await isUnharmed(ground, 'silent');
    running.child.kill('SIGKILL');
    proxy.close();
  });

  it.concurrent.each([
    ['is deleted', 'deleted', ['delete', 'pod', 'deleted', '--wait=false']],
    ['is rolled out', 'rolled', ['rollout', 'restart', 'deployment/rolled']],
  ] as const)('its pod %s, and answers until its own end', async (_, app, act) => {
    const pod = kubectl('get', 'pod', '-n', ground.namespace, '-l', `app=${app}`, '-o', 'jsonpath={.items[0].metadata.name}');
    const { running } = await halted(laptop, ground, pod);
    const logs = spawn('kubectl', ['--kubeconfig', kubeconfig, 'logs', '-f', '-n', ground.namespace, pod, '-c', 'app']);
    let said = '';
    logs.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    kubectl(act[0], '-n', ground.namespace, ...act.slice(1));
    expect(await eventually(() => said.includes('draining\n'), 60)).toBe(true);
    expect(await eventually(() => isAnswering(ground, pod), 9)).toBe(true);
    expect(await running.ended).toMatchObject({ code: 5 });
    await new Promise((resolve) => logs.once('close', resolve));
    expect(said).toMatch(/draining\n(.*\n)*drained\n$/);
  });
});

describe('a debugger', () => {
  it.concurrent('is nobody else’s', async () => {
    const { running, address, container } = await serving(laptop, ground, 'watched');
    const inside = (who: string, script: string) =>
      spawnSync('kubectl', ['--kubeconfig', kubeconfig, 'exec', '-n', ground.namespace, 'watched', '-c', who, '--', 'sh', '-c', script])
        .stdout;
    expect(oomScores('watched', container).ours).toBe(1000);
    // Who may exec into the debug container reaches the socket, and is sent away.
    const question = Buffer.from('{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":1}').toString('base64');
    const wrong = Buffer.alloc(64).toString('base64');
    const answer = inside(container, `{ echo ${wrong}; echo ${question}; sleep 2; } | keeper relay /tmp/kprof-delve-*`);
    expect(answer).toHaveLength(32);
    expect(inside(container, 'cat /proc/$(pidof keeper)/environ /proc/$(pidof keeper)/maps | wc -c').toString()).toBe('0\n');
    // Another container of another user, which sees the process, sees no socket, and no port.
    expect(inside('neighbour', 'ls -d /proc/[0-9]*/root/tmp/kprof-delve-*').toString()).toBe('');
    expect(inside('neighbour', 'grep -h " 0A " /proc/net/tcp /proc/net/tcp6 | wc -l').toString()).toBe('1\n');
    // Another user of this machine.
    const path = address.slice(5);
    if (process.getuid?.() === 0) {
      const script = `require('net').connect(${JSON.stringify(path)}).on('error', (error) => console.log(error.code))`;
      expect(spawnSync('node', ['-e', script], { uid: 65_534, gid: 65_534, cwd: '/' }).stdout.toString()).toBe('EACCES\n');
    }
    const twice = await laptop.kprof('delve', 'watched', '-n', ground.namespace, '--yes');
    expect(twice).toMatchObject({ code: 7, stderr: expect.stringMatching(/is traced already, by process \d+/) });
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 0 });
  });

  it('is gone when nobody came', async () => {
    const ended = await laptop.kprof('delve', 'newest', '-n', ground.namespace, '--yes', '--ttl', '3s');
    expect(ended).toMatchObject({ code: 6, stderr: expect.stringMatching(/No client connected within 3s/) });
    await isUnharmed(ground, 'newest');
  });

  it('is refused before anything is done, or with the reason', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { readonly port: number };
    const tries = [
      [['newest', '--yes', '--port', String(port)], 2, /is in use/],
      [['newest'], 2, /answers nobody.*nobody is there to ask/s],
      [['newest', '--yes', '--pid', '4711'], 2, /There is no process 4711/],
      [['watched', '--yes', '-c', 'neighbour'], 7, /There is no Go program/],
    ] as const;
    for (const [args, code, why] of tries)
      expect(await laptop.kprof('delve', ...args, '-n', ground.namespace)).toMatchObject({ code, stderr: expect.stringMatching(why) });
    expect(await laptop.kprof('goroutines', 'stripped', '-n', ground.namespace)).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/is stripped/),
    });
    other.close();
    await isUnharmed(ground, 'newest');
  });
});
