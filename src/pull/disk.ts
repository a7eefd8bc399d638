/** What the local disk refuses, said for people. */
import { KprofError } from '../errors.ts';

const reasons: Readonly<Record<string, readonly [what: string, hint?: string]>> = {
  ENOSPC: ['the disk is full', 'free some space, or write elsewhere: -f /other/folder/'],
  EDQUOT: ['your disk quota is used up', 'free some space, or write elsewhere: -f /other/folder/'],
  EFBIG: ['the file is too large for this file system or for `ulimit -f`', 'write elsewhere: -f /other/folder/'],
  EROFS: ['the file system is read-only', 'write elsewhere: -f /other/folder/'],
  EACCES: ['you may not write there', 'write elsewhere: -f /other/folder/'],
  EPERM: ['you may not write there', 'write elsewhere: -f /other/folder/'],
  EEXIST: ['it exists already, and another capture may be writing it', 'give another name with -f'],
  ENOENT: ['the folder does not exist'],
  ENOTDIR: ['a part of the path is not a folder'],
  ENAMETOOLONG: ['the name is too long', 'give a shorter one with -f'],
  EIO: ['the disk reports an error'],
};

/** The errno code of an error of node:fs, such as `ENOSPC`. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** A KprofError `disk` for an error of node:fs; gives back what is none. */
export function diskError(error: unknown, path: string): unknown {
  const code = codeOf(error);
  if (error instanceof KprofError || code === undefined) return error;
  const [what, hint] = reasons[code] ?? [code];
  return new KprofError('disk', `${path} can't be written: ${what}`, { hint, cause: error });
}
