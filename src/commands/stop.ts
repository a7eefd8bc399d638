/** `kprof stop`: ends a capture, or this user's debug containers in a pod, which undo what they began. */
import type { Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { attendance, type CaptureRecord } from '../state/captures.ts';
import { type CommandAround, captureNamed, cleanUp, endContainer, type Perform, type Typed } from './around.ts';

export const run: Perform = async (words, options, around) => {
  const [word, ...more] = words;
  if (word === undefined || more.length > 0)
    throw new KprofError('usage', 'kprof stop takes the ID of a capture, or a pod', { hint: 'kprof ls shows the captures' });
  const record = await captureNamed(word);
  if (record !== undefined) return stopCapture(record, options, around);
  const cluster = await around.connect(options);
  const target = await cluster.find({ name: word, whole: true }, around.signal);
  try {
    await stopContainers(target, around);
  } finally {
    target.close();
  }
};

async function stopCapture(record: CaptureRecord, options: Typed, around: CommandAround): Promise<void> {
  const { pid } = record.client;
  if ((await attendance(record)) === 'runs' && terminate(pid))
    return around.report.note(`The kprof with pid ${pid}, which makes this capture, was told to give it up and clean up`);
  await cleanUp(record, options, around);
}

/** False when it has just ended. */
function terminate(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw new KprofError('failed', `The kprof with pid ${pid}, which makes this capture, could not be told to end`, { cause: error });
  }
}

async function stopContainers(target: Target, around: CommandAround): Promise<void> {
  const running = (await target.debugContainers(around.signal)).filter(({ ours, state }) => ours && state === 'runs');
  if (running.length === 0) around.report.note(`No debug container of yours runs in pod ${target.namespace}/${target.pod}`);
  for (const { name } of running) await endContainer(target, name, around);
}
