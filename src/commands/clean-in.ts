/** Takes the traces of a capture out of a pod, whoever is still there to do it. */
import { sharedMemoryOf, undoFrom } from '../capture/died.ts';
import { lifetimes } from '../capture/request.ts';
import type { Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { supervisor } from '../remote/script.ts';
import type { CaptureRecord } from '../state/captures.ts';
import { drop } from './around.ts';

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
