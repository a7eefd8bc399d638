/** The way to the inspector of one process: found open, or opened by SIGUSR1; whose port it is, is looked up and not assumed. */
import { PortFailed } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { step } from '../remote/remote.ts';
import { wait } from '../retry.ts';
import type { InspectPlan } from '../toolkit.ts';
import { get } from './http.ts';
import { listeners, openPorts } from './listeners.ts';
import type { Session } from './session.ts';

/** Where an inspector listens. */
export interface Door {
  readonly port: number;
  /** Of the process, as the inspector calls it; unguessable. */
  readonly id: string;
  /** It was open before, and is to stay so. */
  readonly was: boolean;
}

const patience = 15_000;
/** Where its documentation has it. */
const usualPort = 9229;

/** Ports on which the process itself listens. */
export const ownPorts = async ({ container, process, tools, signal }: Session): Promise<readonly number[]> =>
  (await listeners(container, [process], tools, signal)).filter(({ pid }) => pid === process.pid).map(({ port }) => port);

/** Gives the inspector of the process. Throws a KprofError when it can't be had; then the process was not signalled, or is as it was. */
export async function openDoor(session: Session, { ports }: Pick<InspectPlan, 'ports'>): Promise<Door> {
  const { container, process, signal, lease, report } = session;
  const own = await ownPorts(session);
  const found = await behind(
    session,
    ports.filter((port) => own.includes(port)),
  );
  if (found !== undefined) return { ...found, was: true };
  const taken = ports.find((port) => !own.includes(port));
  if (taken !== undefined && (await openPorts(container, signal)).has(taken)) throw occupied(session, taken);
  await knock(session, ports[0] ?? usualPort);
  report.stage('opening the inspector');
  const who = [String(process.pid), process.started];
  const kept = {
    name: '00001.undo',
    undo: ['inspector', 'close', ...who, ...own.map(String)] as const,
    run: ['inspector', 'open', ...who] as const,
  };
  await step(lease, kept, { what: `send SIGUSR1 to process ${process.pid}`, signal });
  const opened = await appeared(session, own);
  if (opened !== undefined) return { ...opened, was: false };
  // One that listens elsewhere than its arguments say: the signal does nothing then.
  const elsewhere = await behind(session, own);
  if (elsewhere !== undefined) return { ...elsewhere, was: true };
  throw new KprofError('unsupported', `Process ${process.pid} was sent SIGUSR1, and opened no inspector within ${patience / 1000}s`, {
    cause: "the app handles that signal itself (process.on('SIGUSR1')), or it is too busy to answer",
    hint: 'start the app with --inspect',
  });
}

/** Throws where ports can't be forwarded at all, as without the right to it: better told before the signal than after it. */
async function knock({ target, signal }: Session, port: number): Promise<void> {
  const wire = await target.forward(port, signal).catch((error: unknown) => {
    if (error instanceof PortFailed) return undefined; // nobody is there yet
    throw error;
  });
  wire?.on('error', () => {}).destroy();
}

async function appeared(session: Session, own: readonly number[]): Promise<Omit<Door, 'was'> | undefined> {
  for (const end = performance.now() + patience; performance.now() < end; await wait(300, session.signal)) {
    const fresh = (await ownPorts(session)).filter((port) => !own.includes(port));
    const found = await behind(session, fresh);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first of these ports that an inspector answers at. */
async function behind({ target, signal }: Session, ports: readonly number[]): Promise<Omit<Door, 'was'> | undefined> {
  for (const port of ports) {
    const server = { target, port, scheme: 'http', headers: {} } as const;
    const page = await get(server, '/json/list', { signal, patience }).catch((error: unknown) => {
      if (signal.aborted || !(error instanceof KprofError) || error.failure === 'forbidden') throw error;
      return undefined;
    });
    const id = page?.status === 200 ? /"webSocketDebuggerUrl": "ws:\/\/[^"/]+\/([0-9a-f-]{36})"/.exec(page.text)?.[1] : undefined;
    if (id !== undefined) return { port, id };
  }
  return undefined;
}

const occupied = ({ process, target }: Session, port: number): KprofError =>
  new KprofError(
    'unsupported',
    `Port ${port}, on which process ${process.pid} would open its inspector, is taken by another process of pod ${target.pod}`,
    { hint: 'if that is an inspector, take that process, or close it; else start the app with --inspect-port=9230' },
  );
