/** Where an artifact goes, what it is called, and how it gets its name. */
import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, lstat, open, readdir, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, parse, resolve, sep } from 'node:path';
import { KprofError } from './errors.ts';
import { moveToFreeName, moveWithoutOverwriting } from './move.ts';
import { codeOf, diskError } from './pull/disk.ts';
import { freeSpace } from './pull/partial.ts';
import { bytes } from './report.ts';
import { shellWord } from './safe.ts';
import { isLeft, readCaptures } from './state/captures.ts';

/** What a capture is of. */
export interface Origin {
  readonly tool: string;
  readonly namespace: string;
  readonly pod: string;
  /** Empty when the tool looks at the pod as a whole. */
  readonly container: string;
  /** Absent when the tool looks at the pod as a whole. */
  readonly pid?: number | undefined;
  readonly at: Date;
}

const suffix = '.partial';
// NAME_MAX of the usual file systems, in bytes; the name must also fit with a number in it, a process id and `.partial` behind it.
const longest = 255 - '-999'.length - '.4194304'.length - suffix.length;

/** Keeps both ends of a text and marks what is left out by a hash of all of it, so that the same text always gives the same name. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const half = Math.max(0, length - hash.length - 2) / 2;
  return `${text.slice(0, Math.ceil(half))}-${hash}-${text.slice(text.length - Math.floor(half))}`;
}

/** `jfr-<namespace>-<pod>-<container>-<pid>-20261121T071502Z.jfr`: ASCII, without separators, at most 235 bytes; a long pod name is shortened in its middle. */
export function artifactName({ tool, namespace, pod, container, pid, at }: Origin, extension: string): string {
  const stamp = at.toISOString().replace(/[-:]|\.\d+/g, '');
  const name = (middle: string): string =>
    `${[tool, namespace, middle, ...(container === '' ? [] : [container]), ...(pid === undefined ? [] : [pid]), stamp].join('-')}.${extension}`.replace(
      /[^A-Za-z0-9._-]/g,
      '_',
    );
  return name(shorten(pod, longest - name('').length));
}

/** The two names of an artifact, absolute paths in one folder. */
export interface Destination {
  /** Its name once it is whole. */
  readonly final: string;
  /** Its name until then. */
  readonly partial: string;
  /** The name is ours, not one that was asked for: where it is taken, the artifact gets one with a number. */
  readonly ours?: boolean;
}

/** `x-00002.pcapng` for `x.pcapng`. */
export function numbered(path: string, number: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${String(number).padStart(5, '0')}${ext}`);
}

const find = async (path: string): Promise<Stats | undefined> =>
  lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw diskError(error, path);
  });

/** Whether a folder is there, also behind a link. */
export const isFolder = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

async function finalPath(fileFlag: string | undefined, defaultName: string): Promise<{ final: string; ours: boolean }> {
  if (fileFlag === undefined) return { final: resolve(defaultName), ours: true };
  if (fileFlag === '') throw new KprofError('usage', '-f needs the name of a file or folder', { hint: '-f capture.jfr, or -f captures/' });
  if (/\p{Cc}/u.test(fileFlag))
    throw new KprofError('usage', `-f ${JSON.stringify(fileFlag)} has control characters in it, such as a line break`, {
      hint: 'stdout gives the path as one line, so give a name that fits into one',
    });
  const folder = fileFlag.endsWith('/') || fileFlag.endsWith(sep) || (await isFolder(fileFlag));
  return folder ? { final: resolve(fileFlag, defaultName), ours: true } : { final: resolve(fileFlag), ours: false };
}

// So little is left that not even a small capture would fit: better said before than after it.
const leastFree = 1024 * 1024;

async function checkFolder(folder: string): Promise<void> {
  if (!(await find(folder))) throw new KprofError('disk', `The folder ${folder} does not exist`, { hint: `mkdir -p ${shellWord(folder)}` });
  if (!(await isFolder(folder))) throw new KprofError('disk', `${folder} is not a folder`, { hint: 'give another name with -f' });
  await access(folder, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw diskError(error, folder);
  });
  const free = await freeSpace(folder);
  if (free < leastFree)
    throw new KprofError(
      'disk',
      `The disk of ${folder} is as good as full: ${bytes(free)} are free, and a capture needs at least ${bytes(leastFree)}`,
      {
        hint: 'free some space, or write elsewhere: -f /other/folder/',
      },
    );
}

async function checkFree(path: string, force: boolean): Promise<void> {
  const there = await find(path);
  if (!there) return;
  if (there.isSymbolicLink()) throw await linkError(path);
  if (!there.isFile()) throw new KprofError('usage', `${path} is not a regular file`, { hint: 'give another name with -f' });
  if (!force) throw new KprofError('usage', `${path} exists already`, { hint: 'give another name with -f, or overwrite it with --force' });
}

/** The paths that `numbered` gives for this one, as far as there is something. */
async function findNumbered(path: string): Promise<readonly string[]> {
  const { dir, name, ext } = parse(path);
  const isNumbered = (file: string) =>
    file.startsWith(`${name}-`) && file.endsWith(ext) && /^\d{5,}$/.test(file.slice(name.length + 1, -ext.length || undefined));
  return (await readdir(dir))
    .filter(isNumbered)
    .sort()
    .map((file) => join(dir, file));
}

/** Removes the files that `numbered` gives for this path, and nothing that is no file. Throws a KprofError `disk`. */
export async function removeNumbered(path: string): Promise<void> {
  for (const each of await findNumbered(path))
    if ((await find(each))?.isFile())
      await unlink(each).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw diskError(error, each);
      });
}

/** Files of an earlier capture would be taken for a part of this one, or be in its way when it has long begun. */
async function checkNoneNumbered(path: string, force: boolean): Promise<void> {
  if (force) return;
  const found = (await findNumbered(path))[0];
  if (found !== undefined)
    throw new KprofError('usage', `${found} exists already, as files of ${basename(path)} are called`, {
      hint: 'give another name with -f, or replace such files with --force',
    });
}

// To replace it would surprise who made the link, to write through it who did not.
async function linkError(path: string): Promise<KprofError> {
  const target = await realpath(path).catch(() => undefined);
  return new KprofError('usage', `${path} is a link, and kprof neither follows nor replaces links`, {
    hint: target === undefined ? 'give another name with -f' : `-f ${shellWord(target)} names what it leads to`,
  });
}

async function checkNoEarlierTry(path: string, force: boolean): Promise<void> {
  const there = await find(path);
  if (!there) return;
  if (!there.isFile()) throw new KprofError('usage', `${path} is not a regular file`, { hint: 'give another name with -f' });
  if (!force)
    throw new KprofError('usage', `${path} exists: another capture writes it at this moment, or an earlier one was not finished`, {
      hint: 'give another name with -f, or throw away what is there with --force',
    });
}

/** Not one that is being written: its kprof would take for its own what comes to stand there next. */
async function removeEarlierTry(path: string): Promise<void> {
  const captures = (await readCaptures(process.env)).filter(({ partial }) => partial === path);
  if ((await Promise.all(captures.map(isLeft))).includes(false)) return;
  if ((await find(path))?.isFile() === false)
    throw new KprofError('usage', `${path} is not a regular file`, { hint: 'give another name with -f' });
  await unlink(path).catch(() => {}); // that it is not there is the usual case
}

/** What rights and mount options say is not all that can be in the way. */
async function tryToCreate(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close();
    await unlink(path);
  } catch (error) {
    throw diskError(error, path);
  }
}

/**
 * Finds out, before anything is captured, that the artifact can be written. `fileFlag` is what was given with -f: a file, or a folder that gets `defaultName`.
 * `isNumbered`: it will be several files with numbers behind that name.
 * Throws a KprofError: `usage` when the file, one of those, or its .partial, exists and `force` is not set, or when it is a link; `disk` when it can't be written.
 */
export async function prepareDestination(
  fileFlag: string | undefined,
  defaultName: string,
  { force = false, isNumbered = false }: { readonly force?: boolean; readonly isNumbered?: boolean } = {},
): Promise<Destination> {
  const { final, ours } = await finalPath(fileFlag, defaultName);
  // Two captures of one second have the same name of ours, two with --force may have the same name that was given: the process id
  // keeps them apart until they are published.
  const partial = `${final}${ours || force ? `.${process.pid}` : ''}${suffix}`;
  await checkFolder(dirname(final));
  if (!ours) await (isNumbered ? checkNoneNumbered : checkFree)(final, force);
  await checkNoEarlierTry(partial, force);
  if (force) await removeEarlierTry(`${final}${suffix}`);
  await tryToCreate(partial);
  return { final, partial, ours };
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

async function move({ partial, final, ours = false }: Destination, force: boolean): Promise<string> {
  if (ours) return moveToFreeName(partial, final);
  await (force ? rename(partial, final) : moveWithoutOverwriting(partial, final));
  return final;
}

/** Gives a whole artifact its name and makes that survive a power cut; gives the path. Never overwrites without `force`. Throws a KprofError `disk`; the .partial stays then. */
export async function publish(destination: Destination, { force = false }: { readonly force?: boolean } = {}): Promise<string> {
  const { partial, final } = destination;
  try {
    await sync(partial);
    const path = await move(destination, force);
    await sync(dirname(path)).catch(() => {}); // not every system lets a folder be synced
    return path;
  } catch (error) {
    const kept = diskError(error, final);
    if (!(kept instanceof KprofError)) throw kept;
    throw new KprofError(kept.failure, `${kept.message}; the artifact is whole and kept as ${basename(partial)}`, {
      hint: `mv -n ${shellWord(partial)} ${shellWord(join(dirname(final), `new-${basename(final)}`))}`,
      cause: error,
    });
  }
}
