/** `kprof gc`: cleans up after captures whose kprof is gone, and ends debug containers that nobody uses. */
import type { Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { type CaptureRecord, forgetCapture, isAttended, readCaptures } from '../state/captures.ts';
import { type Entry, forgetContainers, keptFor, readJournal } from '../state/journal.ts';
import { type CommandAround, capturesIn, cleanUp, endContainer, isGone, type Perform, rejoined, samePod, type Typed } from './around.ts';

export const run: Perform = async (words, options, around) => {
  if (words.length > 0)
    throw new KprofError('usage', `kprof gc takes no name, and "${words.join(' ')}" is left over`, { hint: 'kprof stop mypod' });
  let failed = 0;
  for (const record of await readCaptures(process.env)) {
    if (await isAttended(record)) continue;
    const left = await attempt(`capture ${record.id}`, around, () => cleanUp(record, options, around));
    failed += left === 1 && (await outlived(record, around)) ? 0 : left;
  }
  for (const entries of Object.values(Object.groupBy(await readJournal(process.env), ({ podUid }) => podUid))) {
    const newest = entries?.at(-1);
    if (newest === undefined) continue;
    failed += await attempt(`pod ${newest.namespace}/${newest.pod}`, around, () => endIdle(newest, entries ?? [], options, around));
  }
  if (failed > 0)
    throw new KprofError('failed', `${failed} of what is left over could not be cleaned up`, {
      hint: 'the pods do it by themselves; kprof gc tries again',
    });
};

/** What is gone needs no cleaning; what can't be reached is said, and the next is tried. */
async function attempt(what: string, { report, signal }: CommandAround, work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KprofError)) throw error;
    report.warn(`${what}: ${error.message}`);
    return 1;
  }
}

/** What can't be reached for longer than any debug container lives is over: nobody is told of it for ever. */
async function outlived({ id, startedAt }: CaptureRecord, { report }: CommandAround): Promise<boolean> {
  if (!(Date.now() - Date.parse(startedAt) > keptFor)) return false;
  await forgetCapture(process.env, id);
  report.note(`Capture ${id} is older than a day, and its debug container has ended by itself: it is forgotten`);
  return true;
}

async function endIdle(newest: Entry, entries: readonly Entry[], options: Typed, around: CommandAround): Promise<void> {
  const { context, kubeconfigs, namespace, pod, podUid } = newest;
  try {
    const cluster = await around.connect({ context, kubeconfigs, ...options });
    const target = await samePod(cluster, { pod, namespace, uid: podUid }, around.signal);
    try {
      await endContainers(target, entries, around);
    } finally {
      target.close();
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  await forgetContainers(process.env, podUid);
}

async function endContainers(target: Target, entries: readonly Entry[], around: CommandAround): Promise<void> {
  const { report, signal } = around;
  const running = (await target.debugContainers(signal)).filter(
    ({ state, name }) => state === 'runs' && entries.some(({ container }) => container === name),
  );
  for (const { name } of running) {
    const container = await rejoined(target, name, signal);
    if ((await capturesIn(container, signal)).some(({ state }) => state === 'held')) {
      report.note(`${name} in pod ${target.namespace}/${target.pod} is in use, and stays`);
      continue;
    }
    await endContainer(target, name, around);
  }
}
