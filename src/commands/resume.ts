/** `kprof resume`: fetches the rest of an artifact that is finished and still in the pod. */
import { stat, unlink } from 'node:fs/promises';
import { pullFile } from '../capture/file.ts';
import { createJournal, isWorthResuming, type Journal, letGo, lineNotes, noJournal, recorded } from '../capture/held.ts';
import { retire } from '../capture/ladder.ts';
import type { DebugContainer, Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { finish } from '../finish.ts';
import { formats } from '../formats/index.ts';
import { printPath } from '../print.ts';
import type { Identity } from '../pull/remarks.ts';
import { hold } from '../remote/lease.ts';
import { attendance, type CaptureRecord, readCaptures, thisClient } from '../state/captures.ts';
import { viewCapture } from '../view.ts';
import { type ViewerWord, wishedViewer } from '../viewers/words.ts';
import { type CommandAround, captureNamed, capturesIn, cleanUp, type Perform, type Typed, targetOf } from './around.ts';

export const run: Perform = async (words, options, around) => {
  const record = await chosen(words);
  const { token, kubeconfig } = options;
  const typed = { token, kubeconfig };
  const forget = record.stage === 'done' ? () => tidy(record, typed, around) : await fetchRest(record, typed, around);
  around.signal.throwIfAborted();
  const { final, partial, ours, secrets, ends } = record;
  const check = () => finish({ final, partial, ours }, formats[record.format], { force: false, report: around.report, secrets, ends });
  const { path } = await recorded(check, { forget });
  around.report.clear();
  printPath(path);
  around.settle();
  if (options['no-open'] !== true && options['viewer'] !== 'none')
    await viewCapture(path, record.format, around.report, wishedViewer(options['viewer'] as ViewerWord));
};

/** Gives what forgets it, as far as nothing is left of it in the pod. */
async function fetchRest(record: CaptureRecord, options: Typed, around: CommandAround): Promise<Journal['forget']> {
  const giveUp = (error: unknown) => over(record, error, options, around);
  const target = await targetOf(record, around, options).catch(giveUp);
  try {
    return await goOn(record, target, around, giveUp);
  } finally {
    target.close();
  }
}

async function chosen(words: readonly string[]): Promise<CaptureRecord> {
  const [word, ...more] = words;
  if (more.length > 0) throw new KprofError('usage', 'kprof resume takes one capture', { hint: 'kprof ls shows them' });
  const record = word === undefined ? await theOnly() : await captureNamed(word);
  if (record === undefined)
    throw new KprofError('usage', `There is no capture "${word}"`, { hint: 'kprof ls shows those that are not over' });
  if ((await attendance(record)) === 'runs') throw stillMade(record);
  if (await isOpen(record)) return record;
  if (record.stage === 'done')
    throw new KprofError('usage', `The capture ${record.id} was fetched, and what is left of it in the pod is all that is open`, {
      hint: `clean up: kprof stop ${record.id}`,
    });
  throw new KprofError(
    'gone',
    `The capture ${record.id} was interrupted before it was finished: the pod has undone it, and there is nothing to fetch`,
    {
      hint: `forget it: kprof stop ${record.id}`,
    },
  );
}

const stillMade = ({ id, client }: CaptureRecord): KprofError =>
  new KprofError('usage', `The capture ${id} is still being made, by the kprof with pid ${client.pid} of ${client.host}`);

/** Whether there is something to fetch; or it was fetched, and nobody came to give it its name. */
const isOpen = async ({ stage, partial }: CaptureRecord): Promise<boolean> =>
  stage === 'pulling' || (stage === 'done' && (await stat(partial).catch(() => undefined)) !== undefined);

async function theOnly(): Promise<CaptureRecord> {
  const all = await readCaptures(process.env);
  const open: CaptureRecord[] = [];
  for (const record of all) if ((await isOpen(record)) && (await attendance(record)) !== 'runs') open.push(record);
  const [first, second] = open;
  if (first === undefined) throw new KprofError('usage', 'There is no capture to go on with', { hint: 'kprof ls shows what there is' });
  if (second !== undefined)
    throw new KprofError('usage', `There are ${open.length} captures to go on with`, { hint: `name one: kprof resume ${first.id}` });
  return first;
}

/** What is gone will not come back: what there is to clean up is, the record goes too, and what is here stays. */
async function over(record: CaptureRecord, error: unknown, options: Typed, around: CommandAround): Promise<never> {
  if (!(error instanceof KprofError) || error.failure !== 'gone') throw error;
  await tidy(record, options, around);
  throw new KprofError('gone', error.message, { cause: error.cause, hint: `what came of it is kept in ${record.partial}` });
}

/** What can't be cleaned up now stays on record. */
const tidy = (record: CaptureRecord, options: Typed, around: CommandAround): Promise<void> =>
  cleanUp(record, options, around).catch((error: unknown) => {
    if (!(error instanceof KprofError)) throw error;
    around.report.warn(`${error.message}. To try again: kprof gc`);
  });

async function goOn(
  record: CaptureRecord,
  target: Target,
  { report, signal }: CommandAround,
  giveUp: (error: unknown) => Promise<never>,
): Promise<Journal['forget']> {
  const { id, ttl, remote, tools: names } = record;
  const tools = { has: (program: string) => names.includes(program), jdk: undefined };
  const container = await target.rejoin(record.debugContainer, signal).catch(giveUp);
  if ((await attendance(record)) === 'unknown' && (await isHeld(container, id, signal))) throw stillMade(record);
  const journal = createJournal({ ...record, client: await thisClient() }, true);
  const lease = await hold(container, id, { ttl, again: true, signal, gone: target.gone, onLine: lineNotes(report) }).catch(giveUp);
  try {
    if (remote === undefined) throw new KprofError('gone', `The capture ${id} has no file`);
    const stops = AbortSignal.any([signal, target.gone, lease.lost]);
    const { path, at, identity } = remote;
    const from = await whatIsHere(record.partial, identity);
    await pullFile(
      { container, process: record.process, tools, report, signal: stops, target },
      { seenByTarget: path, at },
      record.partial,
      {
        ...(from === undefined ? {} : { resume: from }),
        onIdentity: (known) => journal.change({ remote: { path, at, identity: known } }),
      },
    );
    journal.change({ stage: 'done' });
    const isClean = await letGo(lease, 'done', { target, report });
    await retire(container);
    return (isClean ? journal : noJournal).forget;
  } catch (error) {
    lease.leave();
    throw again(error, id);
  }
}

/** A kprof that lives holds its capture, wherever it is. */
const isHeld = async (container: DebugContainer, id: string, signal: AbortSignal): Promise<boolean> =>
  (await capturesIn(container, signal)).some((capture) => capture.id === id && capture.state === 'held');

/** Of what nobody knows which file it was of, nothing can be used. */
async function whatIsHere(partial: string, identity: Identity | undefined): Promise<Identity | undefined> {
  const there = await stat(partial).catch(() => undefined);
  if (there !== undefined && identity === undefined) await unlink(partial);
  return there === undefined ? undefined : identity;
}

const again = (error: unknown, id: string): unknown =>
  error instanceof KprofError && error.hint === undefined && isWorthResuming(error)
    ? new KprofError(error.failure, error.message, { cause: error.cause, hint: `try again: kprof resume ${id}` })
    : error;
