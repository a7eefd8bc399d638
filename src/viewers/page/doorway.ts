/** Tells the browser the address: in a file that only its owner can read, as everybody can read a program's arguments. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A local page that leads to the address. */
export interface Doorway {
  readonly file: string;
  remove(): Promise<void>;
}

/** Writes it, into a folder of its own. `address` is one of ours: it holds nothing to escape. */
export async function doorway(address: string): Promise<Doorway> {
  const folder = await mkdtemp(join(tmpdir(), 'kprof-'));
  const file = join(folder, 'open.html');
  const html = `<!doctype html><meta charset="utf-8"><title>kprof</title><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=${address}">\n`;
  await writeFile(file, html, { mode: 0o600, flag: 'wx' });
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}
