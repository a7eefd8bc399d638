/** The way to the inspector of one process: found open, or opened by SIGUSR1; whose port it is, is looked up and not assumed. */
import { PortFailed } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { step } from '../remote/remote.ts';
import { wait } from '../retry.ts';
import type { InspectPlan } from '../toolkit.ts';
import { get } from './http.ts';
import { isUsual, type Listener, listeners, openPorts } from './listeners.ts';
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
/** For a port that may be the app's own: an inspector answers however busy its process is. */
const guessing = 3_000;
/** Where its documentation has it. */
const usualPort = 9229;

const ownListeners = async ({ container, process, tools, signal }: Session): Promise<readonly Listener[]> =>
  (await listeners(container, [process], tools, signal)).filter(({ pid }) => pid === process.pid);

/** Ports on which the process itself listens. */
export const ownPorts = async (session: Session): Promise<readonly number[]> => (await ownListeners(session)).map(({ port }) => port);

/** Gives the inspector of the process. Throws a KprofError when it can't be had; then the process was not signalled, or is as it was. */
export async function openDoor(session: Session, { ports, opened: said = false }: Pick<InspectPlan, 'ports' | 'opened'>): Promise<Door> {
  const { process, signal, container, lease, report } = session;
  const listening = await ownListeners(session);
  const own = listening.map(({ port }) => port);
  const named = ports.filter((port) => own.includes(port));
  // Where it was started with an open one, on a port that Node chose, it is one of its own.
  const others = said ? own.filter((port) => !ports.includes(port)) : [];
  const found = (await behind(session, named)) ?? (await behind(session, others, guessing));
  if (found !== undefined) return { ...found, was: true };
  const far = listening.find((each) => [...named, ...(ports.length === 0 ? others : [])].includes(each.port) && !isUsual(each));
  if (far !== undefined) throw outOfReach(session, far);
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
  const elsewhere = said ? undefined : await behind(session, own);
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

const outOfReach = ({ process }: Session, { address, port }: Listener): KprofError =>
  new KprofError(
    'unsupported',
    `The inspector of process ${process.pid} listens on ${address} port ${port}, which a forwarded port does not reach`,
    {
      cause: 'a forwarded port leads to 127.0.0.1 of the pod',
      hint: `start the app with --inspect=127.0.0.1:${port}, or without --inspect: then it is opened when it is needed`,
    },
  );

async function appeared(session: Session, own: readonly number[]): Promise<Omit<Door, 'was'> | undefined> {
  for (const end = performance.now() + patience; performance.now() < end; await wait(300, session.signal)) {
    const fresh = (await ownListeners(session)).filter(({ port }) => !own.includes(port));
    const found = await behind(
      session,
      fresh.map(({ port }) => port),
    );
    if (found !== undefined) return found;
    const far = fresh.find((each) => !isUsual(each));
    if (far !== undefined) throw outOfReach(session, far);
  }
  return undefined;
}

/** The first of these ports that an inspector answers at. */
async function behind({ target, signal }: Session, ports: readonly number[], within = patience): Promise<Omit<Door, 'was'> | undefined> {
  for (const port of ports) {
    const server = { target, port, scheme: 'http', headers: {} } as const;
    const page = await get(server, '/json/list', { signal, patience: within }).catch((error: unknown) => {
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
