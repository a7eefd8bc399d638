/** What commands have around them, and what several of them do. */
import { stat } from 'node:fs/promises';
import { cleanIn } from '../capture/clean-in.ts';
import { sharedMemoryOf } from '../capture/died.ts';
import type { Cluster, DebugContainer, Target } from '../cluster.ts';
import { Down, KprofError } from '../errors.ts';
import { answerOf, insist } from '../remote/remote.ts';
import type { Report } from '../report.ts';
import { type CaptureRecord, forgetCapture, readCaptures } from '../state/captures.ts';

/** Typed flags by name; undefined ones were not given. */
export type Typed = Readonly<Record<string, unknown>>;

/** Given by the command line. */
export interface CommandAround {
  readonly report: Report;
  /** Opens the cluster that the flags of connection name. */
  connect(flags: Typed): Promise<Cluster>;
  /** Aborts when the person gives up. */
  readonly signal: AbortSignal;
  /** There is nothing left to give up: from now on signals do what they usually do. */
  settle(): void;
}

/** A command's work. */
export type Perform = (words: readonly string[], options: Typed, around: CommandAround) => Promise<void>;

/** The capture that an ID, or the beginning of one, means. */
export async function captureNamed(word: string): Promise<CaptureRecord | undefined> {
  if (!/^[0-9a-f]{4,16}$/.test(word)) return undefined;
  const found = (await readCaptures(process.env)).filter(({ id }) => id.startsWith(word));
  if (found.length > 1) throw new KprofError('usage', `Several captures begin with ${word}`, { hint: 'kprof ls shows them all' });
  return found[0];
}

/** The flags that were given: those that were not must not stand over what was noted. */
const given = (flags: Typed): Typed =>
  Object.fromEntries(
    Object.entries(flags).filter(([, value]) => value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)),
  );

/** The pod of a capture, if it is still the same; throws `gone` otherwise. */
export async function podOf(record: CaptureRecord, { connect, signal }: CommandAround, flags: Typed): Promise<Target> {
  const cluster = await connect({ ...record.connection, ...given(flags) });
  return samePod(cluster, record, signal);
}

/** The pod that is noted, if it is still the same; throws `gone` otherwise. */
export async function samePod(
  cluster: Cluster,
  { pod, namespace, uid, container }: Pick<CaptureRecord, 'pod' | 'namespace' | 'uid'> & { readonly container?: string },
  signal: AbortSignal,
): Promise<Target> {
  const where = { name: `pod/${pod}`, namespace, ...(container === undefined ? { whole: true } : { container }) };
  const target = await cluster.find(where, signal).catch((error: unknown) => {
    throw error instanceof KprofError && error.failure === 'missing' ? since(`The pod ${namespace}/${pod} was deleted`) : error;
  });
  if (target.uid === uid) return target;
  target.close();
  throw since(`The pod ${namespace}/${pod} was replaced`);
}

const since = (what: string): KprofError => new KprofError('gone', `${what} since the capture began, and what was kept there is gone`);

/** The same, and with the same container. */
export async function targetOf(record: CaptureRecord, around: CommandAround, flags: Typed): Promise<Target> {
  const target = await podOf(record, around, flags);
  if (target.containerId === record.containerId) return target;
  target.close();
  throw since(`The container ${record.container} was restarted`);
}

/** Whether what was there went, and needs no cleaning. */
export const isGone = (error: unknown): boolean => error instanceof KprofError && error.failure === 'gone';

/** Takes away what a capture left in its pod, if that is still there, and forgets the capture. */
export async function cleanUp(record: CaptureRecord, options: Typed, around: CommandAround): Promise<void> {
  const where = `pod ${record.namespace}/${record.pod}`;
  let said = `Nothing of capture ${record.id} is left in ${where}`;
  try {
    const target = await podOf(record, around, options);
    try {
      await cleanIn(target, record, around.signal);
    } finally {
      target.close();
    }
  } catch (error) {
    if (!isGone(error)) throw error;
    checkShared(record, error);
    said = `Capture ${record.id} went with the debug container ${record.debugContainer.name} of ${where}`;
  }
  await forgetCapture(process.env, record.id);
  const kept = await stat(record.partial).catch(() => undefined);
  around.report.note(kept === undefined ? said : `${said}; what came of it is in ${record.partial}`);
}

/** Throws when what went was the container, and the folder that it had in the memory of its pod is there still. */
function checkShared({ id, undo }: CaptureRecord, error: unknown): void {
  const [left] = (undo?.words ?? []).flatMap(sharedMemoryOf);
  if (left === undefined || !(error instanceof Down)) return;
  throw new KprofError('failed', `The folder ${left} is left in the pod's shared memory, and can't be removed now: ${error.message}`, {
    cause: error.cause,
    hint: `once it runs: kprof stop ${id}`,
  });
}

/** The captures that a debug container has. */
export async function capturesIn(
  container: DebugContainer,
  signal: AbortSignal,
): Promise<readonly { readonly id: string; readonly state: string }[]> {
  const answer = await answerOf(container, ['list'], { what: 'list its captures', signal }, insist);
  return [...answer.matchAll(/^([0-9a-f]{16}) (held|orphan|undone|ended)$/gm)].map(([, id = '', state = '']) => ({ id, state }));
}

/** A debug container of this user, as one that commands can be sent to. */
export const rejoined = (target: Target, name: string, signal: AbortSignal): Promise<DebugContainer> =>
  target.rejoin({ name, user: { uid: 0, gid: 0 }, rung: '', why: '' }, signal);

/** Ends a debug container of this user, which undoes what it began; what it can't is a warning, and false. */
export async function endContainer(target: Target, name: string, { report, signal }: CommandAround): Promise<boolean> {
  const where = `${name} in pod ${target.namespace}/${target.pod}`;
  try {
    await answerOf(await rejoined(target, name, signal), ['end'], { what: 'end', signal });
    report.note(`${where} ends, and undoes what it began`);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KprofError)) throw error;
    if (isGone(error)) {
      report.note(`${where} has ended`);
      return true;
    }
    report.warn(`${where} could not be ended: ${error.message}. It ends by itself when it is idle`);
    return false;
  }
}
