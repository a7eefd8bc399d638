/** Takes the traces of a capture out of a pod, whoever is still there to do it. */
import type { DebugContainer, Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { answerOf, insist } from '../remote/remote.ts';
import { supervisor } from '../remote/script.ts';
import type { Report } from '../report.ts';
import { type CaptureRecord, forgetCapture, isLeft, readCaptures } from '../state/captures.ts';
import { sharedMemoryOf, undoFrom } from './died.ts';
import { lifetimes } from './request.ts';

/**
 * Takes away what captures of this user left in the target when both their kprof and their debug container were killed: nobody but who
 * comes next can. What can't be taken away now stays on record, for kprof gc.
 */
export async function sweep(target: Target, { report, signal }: { readonly report: Report; readonly signal: AbortSignal }): Promise<void> {
  const here = (await readCaptures(process.env)).filter(({ uid, containerId }) => uid === target.uid && containerId === target.containerId);
  for (const record of here) {
    if (!(await isLeft(record)) || !(await wasKilled(target, record, signal))) continue;
    report.note(`Capture ${record.id} and its debug container were killed: cleaning up after it`);
    try {
      await cleanIn(target, record, signal);
      await forgetCapture(process.env, record.id);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof KprofError)) throw error;
      report.warn(`${error.message}. To try again: kprof gc`);
    }
  }
}

/** The capture is given up, and the debug container undoes it. */
export async function drop(container: DebugContainer, id: string, signal: AbortSignal): Promise<void> {
  await answerOf(container, ['drop', id], { what: 'clean up', deadline: 60_000, signal }, insist);
}

/** Throws `gone` when everything went with the containers. */
export async function cleanIn(target: Target, record: CaptureRecord, signal: AbortSignal): Promise<void> {
  const isSame = target.containerId === record.containerId;
  try {
    if (isSame) return await drop(await target.rejoin(record.debugContainer, signal), record.id, signal);
  } catch (error) {
    // One that ends by itself has cleaned up.
    if (!(error instanceof KprofError) || error.failure !== 'gone' || !(await wasKilled(target, record, signal))) throw error;
  }
  const words = (record.undo?.words ?? [])
    .filter((undo) => isSame || sharedMemoryOf(undo).length > 0)
    .map((undo) => (isSame ? undo : plain(undo)));
  if (record.undo === undefined || words.length === 0) throw new KprofError('gone', 'Nothing is left to be undone');
  const spec = { ...record.undo.from, command: supervisor(lifetimes), fresh: true };
  if (!(await undoFrom((until) => target.inject(spec, until), { kept: words }, target)))
    throw new KprofError('failed', `What ${record.debugContainer.name} left behind could not be undone from another debug container`);
}

/** What is not of the process any more, which is another one by now. */
const plain = (undo: readonly string[]) => ['rm', '-rf', '--', ...sharedMemoryOf(undo as never)] as const;

async function wasKilled(target: Target, { debugContainer }: CaptureRecord, signal: AbortSignal): Promise<boolean> {
  return (await target.debugContainers(signal)).some(({ name, killed }) => name === debugContainer.name && killed);
}
