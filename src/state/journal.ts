/**
 * What this user's kprof did in clusters: debug containers, so that only our own are used again.
 * Names and markers in the cluster can be forged; these files can't, being the user's own. One for each: several kprofs write at a time.
 */
import { createHash } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readRecords, replaceFile, stateFolder } from './folder.ts';

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

const folder = (env: NodeJS.ProcessEnv): string => join(stateFolder(env), 'containers');

/** Names of a cluster do not become names of files. */
const fileOf = (env: NodeJS.ProcessEnv, { podUid, container }: Pick<Entry, 'podUid' | 'container'>): string =>
  join(folder(env), `${createHash('sha256').update(`${podUid}/${container}`).digest('hex').slice(0, 32)}.json`);

const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' &&
  value !== null &&
  (['namespace', 'pod', 'podUid', 'container', 'spec'] as const).every((key) => typeof (value as Entry)[key] === 'string');

/** This user's debug containers of the last day, oldest first; what can't be read is none, which is not used again. */
export async function readJournal(env: NodeJS.ProcessEnv): Promise<readonly Entry[]> {
  const since = Date.now() - keptFor;
  return (await readAll(env)).filter(({ at }) => !(at < since)).sort((a, b) => a.at - b.at);
}

const readAll = (env: NodeJS.ProcessEnv): Promise<readonly Entry[]> => readRecords(folder(env), isEntry);

/** Keeps an entry, and drops old ones. One that can't be written costs the reuse, not the capture: then it is false. */
export async function remember(env: NodeJS.ProcessEnv, entry: Entry): Promise<boolean> {
  await forgetContainers(
    env,
    (await readAll(env)).filter(({ at }) => entry.at - at >= keptFor),
  );
  return replaceFile(fileOf(env, entry), `${JSON.stringify(entry)}\n`);
}

/** Drops what is known of these: they will not be used again. */
export async function forgetContainers(env: NodeJS.ProcessEnv, entries: readonly Entry[]): Promise<void> {
  await Promise.all(entries.map((entry) => unlink(fileOf(env, entry)).catch(() => {})));
}
