/** The `inspect` kind: what the inspector of the process gives is the artifact. */
import { confirm } from '../confirm.ts';
import { KprofError } from '../errors.ts';
import { type HeldOpen, holdOpen } from '../inspector/held-open.ts';
import { HungUp, type Inspector, inspect } from '../inspector/inspector.ts';
import { withoutWorkers, workersOf } from '../inspector/workers.ts';
import { step } from '../remote/remote.ts';
import { wait } from '../retry.ts';
import type { InspectPlan } from '../toolkit.ts';
import { type Door, openDoor, ownPorts } from './door.ts';
import type { Captured } from './file.ts';
import { goneOr } from './gone.ts';
import { pass, type Session } from './session.ts';
import { written } from './written.ts';

const patience = 60_000;
/** A large heap is walked without a word. */
const snapshotPatience = 600_000;

/** What came of it, with what the process says that it runs. */
export interface Inspected extends Captured {
  readonly port: number;
  readonly runtime?: string;
}

/** Captures into the local file `partial`; `yes` agrees to what it costs. An inspector that was not open before is closed again. */
export async function captureInspect(session: Session, plan: InspectPlan, partial: string, yes: boolean): Promise<Inspected> {
  const { report, target, process, stops } = session;
  const signal = plan.result.early === 'loses' ? AbortSignal.any([session.signal, stops.early]) : session.signal;
  if (plan.costs !== undefined)
    await confirm(plan.costs, { ask: true, yes, report, signal, why: 'the app is to be without it for that time' });
  const door = await openDoor({ ...session, signal }, plan);
  if (!door.was) report.note(`The inspector of process ${process.pid} is open at port ${door.port} for now: all of the pod can reach it`);
  const where = `The inspector of process ${process.pid}`;
  let inspector: Inspector | undefined;
  let held: HeldOpen | undefined;
  try {
    const wire = await target.forward(door.port, signal);
    inspector = await inspect(wire, `ws://127.0.0.1:${door.port}/${door.id}`, where, { signal, patience });
    if (!door.was) held = await holdOpen(inspector, { signal, patience });
    const runtime = await versionOf(inspector, { signal, patience });
    const workers = await workersOf(inspector, { signal, patience });
    if (workers > 0) report.warn(withoutWorkers(workers, process.pid));
    const captured = await converse(inspector, plan, partial, { ...session, signal });
    return { ...captured, port: door.port, ...(runtime === undefined ? {} : { runtime }) };
  } catch (error) {
    if (session.target.gone.aborted) throw session.target.gone.reason;
    throw error instanceof HungUp ? await goneOr(target, lostWith(process.pid, error)) : error;
  } finally {
    held?.stop();
    await held?.close().catch((error: unknown) => report.debug(1, `the inspector could not be asked to close: ${error}`));
    inspector?.close();
    // A capture that failed is undone by the pod.
    if (!door.was && !session.signal.aborted) await closed(session, door).catch(() => {});
  }
}

/** What was taken lives in the session, and no other one gets at it. */
const lostWith = (pid: number, { message, cause }: HungUp): KprofError =>
  new KprofError('failed', `${message}, and what it had taken is lost with it`, {
    cause: cause ?? `the line broke, or process ${pid} ended`,
    hint: 'take it again; what takes less time is less at risk: --duration 5s',
  });

async function versionOf(inspector: Inspector, limits: Parameters<Inspector['call']>[2]): Promise<string | undefined> {
  const { result } = await inspector.call('Runtime.evaluate', { expression: 'process.version', silent: true }, limits);
  const version = String((result as { readonly value?: unknown } | undefined)?.value);
  return /^v\d{1,3}\.\d{1,3}\.\d{1,3}[\w.-]{0,20}$/.test(version) ? `Node.js ${version}` : undefined;
}

async function converse(inspector: Inspector, plan: InspectPlan, partial: string, session: Session): Promise<Captured> {
  const { signal, report } = session;
  for (const { method, params = {} } of plan.start) {
    report.debug(1, method);
    await inspector.call(method, params, { signal, patience });
  }
  if (plan.wait !== undefined) await pass({ ...session, signal: AbortSignal.any([signal, inspector.over]) }, plan.wait);
  report.stage(plan.take.says);
  report.debug(1, plan.take.method);
  const { gives, method, params = {} } = plan.take;
  return written(partial, 'The process', async (sink) => {
    let done = 0;
    if ('event' in gives) {
      inspector.take(gives.event, (chunk) => {
        done += chunk.length;
        report.progress(`${plan.take.says}, receiving`, { done });
        return sink(chunk);
      });
    }
    const answer = await inspector.call(method, params, { signal, patience: 'event' in gives ? snapshotPatience : patience });
    if ('event' in gives) return;
    const value = answer[gives.field];
    if (value === undefined) throw new KprofError('failed', `The inspector answered ${method} without a ${gives.field}`);
    await sink(Buffer.from(JSON.stringify(value)));
  });
}

/** Makes sure that nothing listens any more: by looking, and by the pod where our own word was not heard. */
async function closed(session: Session, { port }: Door): Promise<void> {
  const { signal, process, report, lease } = session;
  for (let tries = 0; tries < 12; tries++, await wait(500, signal)) {
    if (!(await ownPorts(session)).includes(port)) return;
    if (tries !== 6) continue;
    const others = (await ownPorts(session)).filter((each) => each !== port).map(String);
    const run = ['inspector', 'close', String(process.pid), process.started, ...others] as const;
    await step(lease, { name: '00002.undo', undo: undefined, run }, { what: 'close the inspector', signal });
  }
  report.warn(`The inspector of process ${process.pid} is still open at port ${port}; it closes by itself`);
}
