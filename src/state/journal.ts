/**
 * What this user's kprof did in clusters: debug containers, so that only our own are used again.
 * Names and markers in the cluster can be forged; this file can't, being the user's own.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile, stateFolder } from './folder.ts';

/** A debug container that we made, exactly as it was accepted. */
export interface Entry {
  readonly context: string | undefined;
  /** Absolute paths of the kubeconfigs that the context is of. */
  readonly kubeconfigs?: readonly string[] | undefined;
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  readonly targetContainerId: string;
  readonly imageId: string;
  /** Digest over all of the accepted spec. */
  readonly spec: string;
  /** Milliseconds since the epoch, local clock. */
  readonly at: number;
}

/** No debug container lives longer. */
export const keptFor = 24 * 3_600_000;

const fileOf = (env: NodeJS.ProcessEnv): string => join(stateFolder(env), 'containers.jsonl');

const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' &&
  value !== null &&
  (['namespace', 'pod', 'podUid', 'container', 'spec'] as const).every((key) => typeof (value as Entry)[key] === 'string');

/** This user's debug containers of the last day; none when the journal can't be read. */
export async function readJournal(env: NodeJS.ProcessEnv): Promise<readonly Entry[]> {
  try {
    const lines = (await readFile(fileOf(env), 'utf8')).split('\n').filter((line) => line !== '');
    const since = Date.now() - keptFor;
    return lines.map((line) => JSON.parse(line) as unknown).filter((value) => isEntry(value) && !(value.at < since)) as Entry[];
  } catch {
    return []; // No journal, or one that a crash cut: then nothing is used again, which is safe.
  }
}

/** Adds an entry, and drops old ones. A journal that can't be written costs the reuse, not the capture: then it is false. */
export async function remember(env: NodeJS.ProcessEnv, entry: Entry): Promise<boolean> {
  const entries = await readJournal(env);
  const recent = entries.filter(({ at }) => entry.at - at < keptFor);
  // One that is only longer can be written by several at a time.
  if (recent.length === entries.length && entries.length > 0)
    return appendFile(fileOf(env), lineOf(entry)).then(
      () => true,
      () => false,
    );
  return replaceFile(fileOf(env), [...recent, entry].map(lineOf).join(''));
}

/** Drops what is known of a pod's debug containers: they will not be used again. */
export async function forgetContainers(env: NodeJS.ProcessEnv, podUid: string): Promise<void> {
  const others = (await readJournal(env)).filter((entry) => entry.podUid !== podUid);
  await replaceFile(fileOf(env), others.map(lineOf).join(''));
}

const lineOf = (entry: Entry): string => `${JSON.stringify(entry)}\n`;
