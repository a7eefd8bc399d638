/**
 * What this user's kprof did in clusters: debug containers, so that only our own are used again.
 * Names and markers in the cluster can be forged; this file can't, being the user's own.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** A debug container that we made, exactly as it was accepted. */
export interface Entry {
  readonly podUid: string;
  readonly container: string;
  readonly targetContainerId: string;
  readonly imageId: string;
  /** Digest over all of the accepted spec. */
  readonly spec: string;
  /** Milliseconds since the epoch, local clock. */
  readonly at: number;
}

const keptFor = 24 * 3_600_000;

const folder = (env: NodeJS.ProcessEnv): string => join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'kprof');

const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && typeof (value as Entry).podUid === 'string' && typeof (value as Entry).spec === 'string';

/** This user's debug containers of the last day; none when the journal can't be read. */
export async function readJournal(env: NodeJS.ProcessEnv): Promise<readonly Entry[]> {
  try {
    const lines = (await readFile(join(folder(env), 'containers.jsonl'), 'utf8')).split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as unknown).filter(isEntry);
  } catch {
    return []; // No journal, or one that a crash cut: then nothing is used again, which is safe.
  }
}

/** With its parents, each tried twice at most: Node's own recursive mkdir never ends below /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
}

/** Adds an entry and drops old ones. A journal that can't be written costs the reuse, not the capture: then it is false. */
export async function remember(env: NodeJS.ProcessEnv, entry: Entry): Promise<boolean> {
  const entries = [...(await readJournal(env)).filter(({ at }) => entry.at - at < keptFor), entry];
  const path = join(folder(env), 'containers.jsonl');
  try {
    await makeFolder(folder(env));
    await writeFile(`${path}.${process.pid}`, entries.map((each) => `${JSON.stringify(each)}\n`).join(''), { mode: 0o600 });
    await rename(`${path}.${process.pid}`, path);
    return true;
  } catch {
    return false; // The caller says so.
  }
}
