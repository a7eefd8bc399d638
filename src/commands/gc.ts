/** `kprof gc`: cleans up after captures whose kprof is gone, and ends debug containers that nobody uses. */
import type { Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { attendance, type CaptureRecord, forgetCapture, isLeft, readCaptures } from '../state/captures.ts';
import { type Entry, forgetContainers, keptFor, readJournal } from '../state/journal.ts';
import { type CommandAround, capturesIn, cleanUp, endContainer, isGone, type Perform, rejoined, samePod, type Typed } from './around.ts';

export const run: Perform = async (words, options, around) => {
  if (words.length > 0)
    throw new KprofError('usage', `kprof gc takes no name, and "${words.join(' ')}" is left over`, { hint: 'kprof stop mypod' });
  let failed = 0;
  for (const record of await readCaptures(process.env)) {
    failed += await collect(record, options, around);
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

/** One capture; how many could not be cleaned up. */
async function collect(record: CaptureRecord, options: Typed, around: CommandAround): Promise<number> {
  const { id, client } = record;
  const state = await attendance(record);
  if (state === 'runs') return 0;
  if (state === 'gone') {
    const left = await attempt(`capture ${id}`, around, () => cleanUp(record, options, around));
    return left === 1 && (await outlived(record, around)) ? 0 : left;
  }
  if (!(await outlived(record, around)))
    around.report.note(
      `Capture ${id} is made by pid ${client.pid} of ${client.host}, as far as is known here. To end it: kprof stop ${id}`,
    );
  return 0;
}

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
  const cluster = await around.connect({ context, kubeconfigs, ...options });
  const target = await samePod(cluster, { pod, namespace, uid: podUid }, around.signal).catch(async (error: unknown) => {
    if (!isGone(error)) throw error;
    await forgetContainers(process.env, entries);
  });
  if (target === undefined) return;
  try {
    await endContainers(target, entries, around);
  } finally {
    target.close();
  }
}

async function endContainers(target: Target, entries: readonly Entry[], around: CommandAround): Promise<void> {
  const { report, signal } = around;
  const states = new Map((await target.debugContainers(signal)).map(({ name, state }) => [name, state]));
  const used = await inUse(target);
  for (const entry of entries) {
    const { container: name } = entry;
    const state = states.get(name) ?? 'ended';
    if (state === 'waits') continue;
    if (state === 'runs' && (used.has(name) || (await isHeld(target, name, signal)))) {
      report.note(`${name} in pod ${target.namespace}/${target.pod} is in use, and stays`);
      continue;
    }
    if (state === 'ended' || (await endContainer(target, name, around))) await forgetContainers(process.env, [entry]);
  }
}

/** Those that a kprof is at which runs, or may: its line may be out for the moment. */
async function inUse({ uid }: Target): Promise<ReadonlySet<string>> {
  const here = (await readCaptures(process.env)).filter((record) => record.uid === uid);
  const left = await Promise.all(here.map(isLeft));
  return new Set(here.filter((_, index) => !left[index]).map(({ debugContainer }) => debugContainer.name));
}

/** Whether somebody holds a capture, or is waited for, as texts have no record. */
async function isHeld(target: Target, name: string, signal: AbortSignal): Promise<boolean> {
  const captures = await rejoined(target, name, signal)
    .then((container) => capturesIn(container, signal))
    .catch((error: unknown) => {
      if (isGone(error)) return []; // it has ended since we saw it run
      throw error;
    });
  return captures.some(({ state }) => state === 'held' || state === 'orphan');
}
