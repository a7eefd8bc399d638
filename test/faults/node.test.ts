/** What goes wrong with a real Node while its inspector is open for us: nothing of it is left, and the app goes on. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Desk, desk, type Running } from '../e2e/support.ts';
import type { Pod } from '../sandbox/objects.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { type ChaosProxy, chaosProxy } from '../support/chaos-proxy.ts';

const app = new URL('../workloads/node/app/app.js', import.meta.url).pathname;
/** Of the large heap: KPROF_HEAP_MIB=1024 makes it 1 GiB. */
const mebibytes = Number(process.env['KPROF_HEAP_MIB'] ?? 64);
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ env: { KPROF_SILENCE: '20', KPROF_RETURN: '5' } });
});
afterAll(() => sandbox?.close());

/** Walking a large heap takes its time. */
const timeout = 240_000 + mebibytes * 1000;

/** A port that is free: pods are processes here, and have no network of their own. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const listens = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/json/version`).then(
    () => true,
    () => false,
  );

interface Stand {
  readonly laptop: Desk;
  readonly proxy: ChaosProxy;
  readonly port: number;
  start(...more: readonly string[]): Running;
  restarts(): number | undefined;
  /** The files on the laptop. */
  files(): readonly string[];
  closed(): Promise<boolean>;
  kill(signal: NodeJS.Signals): void;
  remove(): void;
}

/** An app with a heap of so many MiB, and a laptop on a line of its own. */
async function stand(pod: string, mib = 0): Promise<Stand> {
  const port = await freePort();
  await sandbox.pod(pod, { command: [process.execPath, '--max-old-space-size=8192', `--inspect-port=${port}`, app, 'heap', String(mib)] });
  const server = new URL(sandbox.server);
  const [proxy, laptop] = [
    await chaosProxy(server.hostname, Number(server.port)),
    desk({ KUBECONFIG: sandbox.kubeconfig, KPROF_REGISTRY: 'registry.local' }),
  ];
  const container = () => sandbox.kubelet.container(sandbox.store.get('pods', 'default', pod) as Pod, 'app');
  // It is asked for its inspector when it runs, and not while it makes its heap.
  while (!container()?.log.text(new URLSearchParams()).includes('beat ')) await sleep(100);
  return {
    laptop,
    proxy,
    port,
    start: (...more) => laptop.start('node', pod, ...more, '--server', `https://127.0.0.1:${proxy.port}`, '--no-open', '-v', '1'),
    restarts: () => container()?.restarts,
    files: () => readdirSync(laptop.folder).filter((name) => name !== '.state'),
    async closed() {
      for (let tries = 0; tries < 120; tries++, await sleep(500)) if (!(await listens(port))) return true;
      return false;
    },
    kill: (signal) => void process.kill(container()?.running?.main.pid as number, signal),
    remove: () => {
      proxy.close();
      laptop.remove();
      sandbox.remove(pod);
    },
  };
}

describe.concurrent('while it samples', () => {
  it('a line that is lost takes the profile with it, which is said at once', async ({ expect }) => {
    const { start, proxy, files, closed, restarts, remove } = await stand('cut');
    const running = start('--duration', '300s');
    await running.until(/^sampling/m);
    proxy.cutAfter(0, 'once');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/closed the connection, and what it had taken is lost with it[\s\S]*try: /);
    expect(ended.stderr).toContain('The line to the pod is lost; trying');
    expect([files(), await closed(), restarts()]).toEqual([[], true, 0]);
    remove();
  });

  it('a line that falls silent does, too', async ({ expect }) => {
    const { start, proxy, files, closed, restarts, remove } = await stand('silent');
    const running = start('--duration', '300s');
    await running.until(/^sampling/m);
    proxy.silence('once');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: '' });
    expect([files(), await closed(), restarts()]).toEqual([[], true, 0]);
    remove();
  });

  it('a process that ends is told from a line that is lost', async ({ expect }) => {
    const { start, kill, files, remove } = await stand('dies');
    const running = start('--duration', '300s');
    await running.until(/^sampling/m);
    kill('SIGKILL');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 5, stdout: '' });
    expect(files()).toEqual([]);
    remove();
  });
});

/** The most memory that the process ever had, in MiB; 0 of one that ended. */
const peakOf = (pid: number | undefined): number =>
  Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;

describe.concurrent('a heap snapshot', { timeout }, () => {
  it('of a large heap is announced with what it costs, and passes through', async ({ expect }) => {
    const { start, laptop, closed, restarts, remove } = await stand('large', mebibytes);
    expect(await laptop.kprof('node', 'large', 'heapsnapshot')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/stops process \d+ for up to about \d+s, and may take up to \d+ MiB more[\s\S]*--yes/),
    });
    const running = start('heapsnapshot', '--yes', '-f', 'large.heapsnapshot');
    let peak = 0;
    const watch = setInterval(() => {
      if (running.child.exitCode === null) peak = Math.max(peak, peakOf(running.child.pid));
    }, 100);
    const ended = await running.ended.finally(() => clearInterval(watch));
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: `${laptop.folder}/large.heapsnapshot\n` });
    const { size } = statSync(`${laptop.folder}/large.heapsnapshot`);
    process.stdout.write(
      `${mebibytes} MiB: ${Math.round(size / 2 ** 20)} MiB in ${Math.round(ended.took / 1000)}s, kprof had ${Math.round(peak)} MiB\n`,
    );
    expect(size).toBeGreaterThan(mebibytes * 2 ** 20);
    expect(peak).toBeLessThan(384);
    expect([await closed(), restarts()]).toEqual([true, 0]);
    remove();
  });

  const taking = /^taking the heap snapshot/m;

  it('is announced, and given up with Ctrl-C', async ({ expect }) => {
    const { start, files, closed, restarts, remove } = await stand('given-up', 64);
    const running = start('heapsnapshot', '--yes');
    await running.until(taking);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 130, stdout: '' });
    const left = files();
    for (const name of left) expect(ended.stderr).toContain(name);
    expect([await closed(), restarts()]).toEqual([true, 0]);
    remove();
  });

  it('that nobody waits for any more leaves no inspector', async ({ expect }) => {
    const { start, closed, restarts, remove } = await stand('killed', 64);
    const running = start('heapsnapshot', '--yes');
    await running.until(taking);
    running.child.kill('SIGKILL');
    await running.ended;
    expect([await closed(), restarts()]).toEqual([true, 0]);
    remove();
  });
});
