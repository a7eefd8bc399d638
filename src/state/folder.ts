/** Where this user's kprof keeps what it knows: for the user's eyes alone. */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** $XDG_STATE_HOME/kprof, or ~/.local/state/kprof. */
export const stateFolder = (env: NodeJS.ProcessEnv): string => join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'kprof');

/** With its parents, each tried twice at most: Node's own recursive mkdir never ends below /proc. */
export async function makeFolder(path: string): Promise<void> {
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

/** Writes a file whole or not at all; false when it can't be. */
export async function replaceFile(path: string, content: string): Promise<boolean> {
  const next = `${path}.${process.pid}`;
  try {
    await makeFolder(dirname(path));
    await writeFile(next, content, { mode: 0o600 });
    await rename(next, path);
    return true;
  } catch {
    return false; // The caller says so, or goes on without.
  }
}

/** The records of a folder, a file each; what can't be read, or is none, is left out: a crash cut it, or another kprof took it away just now. */
export async function readRecords<T>(folder: string, isRecord: (value: unknown) => value is T): Promise<readonly T[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  const parsed = await Promise.all(
    names.map(async (name) => {
      try {
        return JSON.parse(await readFile(join(folder, name), 'utf8')) as unknown;
      } catch {
        return undefined;
      }
    }),
  );
  return parsed.filter(isRecord);
}
