/** Finds programs on this machine. */
import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { Surroundings, Viewer } from './viewer.ts';

async function isProgram(path: string): Promise<boolean> {
  const executable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  return executable && (await stat(path)).isFile();
}

/** The folders that a `*` at the end of one part of the path stands for, the highest name first: the newest version, as a rule. */
async function expand(path: string): Promise<readonly string[]> {
  const [, folder, prefix, rest] = /^(.*)\/([^/*]*)\*(\/.*)$/.exec(path) ?? [];
  if (folder === undefined || prefix === undefined) return [path];
  const names = await readdir(folder || '/').catch(() => []); // most machines have no such folder
  const found = names.filter((name) => name.startsWith(prefix)).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return found.map((name) => `${folder}/${name}${rest}`);
}

/** The absolute path of a viewer's program, or undefined. */
export async function findViewer(viewer: Pick<Viewer, 'places'>, surroundings: Surroundings): Promise<string | undefined> {
  for (const place of viewer.places(surroundings))
    for (const path of await expand(place)) if (isAbsolute(path) && (await isProgram(path))) return path;
  return undefined;
}
