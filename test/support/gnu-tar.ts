/** What GNU tar makes of an archive. */
import { spawnSync } from 'node:child_process';

const tar = (archive: Uint8Array, ...words: readonly string[]): Buffer =>
  spawnSync('tar', [...words], { input: archive, maxBuffer: 64 * 2 ** 20, timeout: 60_000 }).stdout;

/** The names that it lists, and the content of all its files; what it complains of, such as strange dates, is left out. */
export const seenByGnu = (archive: Uint8Array): { readonly names: readonly string[]; readonly content: Buffer } => ({
  names: tar(archive, '-tf', '-', '--quoting-style=literal').toString().split('\n').slice(0, -1),
  content: tar(archive, '-xOf', '-'),
});
