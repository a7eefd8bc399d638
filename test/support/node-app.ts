/** A Node.js process beside a debug container of local processes, for what talks to its inspector. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../../src/capture/session.ts';
import type { Target } from '../../src/cluster.ts';
import { hold } from '../../src/remote/lease.ts';
import type { Process } from '../../src/toolkit.ts';
import { localContainer } from './local-container.ts';
import { recorder } from './recorder.ts';

/** It runs, and is held. */
export interface NodeApp extends AsyncDisposable {
  readonly app: ChildProcess;
  /** Of its inspector. */
  readonly port: number;
  readonly session: Session;
  readonly early: AbortController;
  readonly gone: AbortController;
  readonly report: ReturnType<typeof recorder>;
  /** Where a capture may go. */
  readonly partial: string;
  /** Whether somebody listens at the inspector's port. */
  listens(): Promise<boolean>;
}

/** A port of 127.0.0.1 on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const started = (pid: number): string => {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};

/** Starts one that runs this code, with more arguments before it. */
export async function nodeApp(args: (port: number) => readonly string[], code = 'setInterval(() => {}, 50)'): Promise<NodeApp> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'kprof-test-'));
  const script = join(folder, 'app.cjs');
  writeFileSync(script, `${code}; console.log('ready')`);
  const app = spawn(process.execPath, [...args(port), script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(app.stdout as NonNullable<typeof app.stdout>, 'data');
  const container = localContainer({ ttl: 600, first: 60, cap: 600 });
  const [early, abort, gone] = [new AbortController(), new AbortController(), new AbortController()];
  const lease = await hold(container, 'c1', { ttl: 600, signal: abort.signal });
  const report = recorder();
  const pid = app.pid as number;
  const session: Session = {
    id: 'c1',
    target: {
      gone: gone.signal,
      namespace: 'default',
      pod: 'app',
      forward: async (at: number) => connect(at, '127.0.0.1'),
    } as unknown as Target,
    container,
    process: { pid, started: started(pid), ...container.user, groups: [] } as unknown as Process,
    tools: { has: () => false, jdk: undefined },
    lease,
    journal: () => {},
    report,
    stops: { early: early.signal, abort: abort.signal },
    signal: AbortSignal.any([abort.signal, gone.signal, lease.lost]),
  };
  return {
    app,
    port,
    session,
    early,
    gone,
    report,
    partial: join(folder, 'x.partial'),
    async listens() {
      const socket = connect(port, '127.0.0.1');
      const answer = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(
        () => false,
      );
      socket.destroy();
      return answer;
    },
    async [Symbol.asyncDispose]() {
      app.kill('SIGKILL');
      await container.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until it is so; false when it never was. */
export async function soon(condition: () => Promise<boolean>, seconds = 30): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) if (await condition()) return true;
  return condition();
}
