/** Giving a file its name without taking it from another. */
import { link, open, rename, unlink } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { codeOf } from './pull/disk.ts';

// For file systems without hard links: our own empty file holds the name while we rename over it.
async function reserve(partial: string, final: string): Promise<void> {
  await (await open(final, 'wx', 0o600)).close();
  await rename(partial, final);
}

/** Gives the file its name; the error has the code EEXIST where that is taken. */
export async function moveWithoutOverwriting(partial: string, final: string): Promise<void> {
  const linked = await link(partial, final).then(
    () => true,
    () => false,
  );
  await (linked ? unlink(partial) : reserve(partial, final));
}

/** `x-2.jfr` for `x.jfr`, `x-2.pb.gz` for `x.pb.gz`. */
const withNumber = (path: string, number: number): string => {
  const { dir, base } = parse(path);
  const [, name = base, extension = ''] = /^(.+?)(\.[a-z]{1,8}\.gz|\.[^.]*)$/.exec(base) ?? [];
  return number === 1 ? path : join(dir, `${name}-${number}${extension}`);
};

const mostOfOneSecond = 999;

/** Gives the file its name, or where that is taken the first free one with a number, and tells which; who comes second finds it taken, however close. */
export async function moveToFreeName(partial: string, final: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const path = withNumber(final, number);
    try {
      await moveWithoutOverwriting(partial, path);
      return path;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || number === mostOfOneSecond) throw error;
    }
  }
}
