/** Puts the secrets of TLS sessions into a file of packets, for Wireshark to read what was encrypted: https://www.ietf.org/archive/id/draft-thomson-tls-keylogfile-00.html */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import { diskError } from '../pull/disk.ts';
import { shellWord } from '../safe.ts';
import { secrets } from './encode.ts';

const mostKeys = 8 * 2 ** 20;

/** Throws a KprofError where the file will not do; it may have no secrets yet. */
export async function checkKeys(path: string): Promise<void> {
  const hint = `ls -l ${shellWord(path)}`;
  const found = await stat(path).catch((cause: unknown) => {
    throw new KprofError('usage', `--keylog ${path} is not there`, { cause, hint });
  });
  if (found.isDirectory()) throw new KprofError('usage', `--keylog ${path} is a folder`, { hint });
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw new KprofError('disk', `--keylog ${path} can't be read`, { cause, hint });
  });
  if (found.size > mostKeys) throw new KprofError('usage', `--keylog ${path} has more than ${mostKeys} bytes`);
}

/** The secrets of a file that an app wrote because of SSLKEYLOGFILE; only lines that are some, nothing else of the file. Throws a KprofError `usage`. */
export async function readKeys(path: string): Promise<Buffer> {
  const failed = (cause: unknown): never => {
    throw new KprofError('usage', `--keylog ${path} can't be read`, { cause });
  };
  const { size } = await stat(path).catch(failed);
  if (size > mostKeys) throw new KprofError('usage', `--keylog ${path} has more than ${mostKeys} bytes`);
  const lines = (await readFile(path, 'latin1').catch(failed))
    .split(/\r?\n/)
    .filter((line) => /^[A-Z0-9_]+ [0-9a-fA-F]+ [0-9a-fA-F]+$/.test(line));
  return Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
}

/** Size and digest of a file. */
interface Written {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Puts them behind the first `head` bytes of a pcapng file, which must come before all packets. Gives what it is then.
 * Throws a KprofError `disk`: then the file is as it was, and the secrets are nowhere else.
 */
export async function addKeys(path: string, head: number, keys: Buffer): Promise<Written> {
  const next = `${path}.keys`;
  await unlink(next).catch(() => {}); // of a try that was killed
  try {
    const written = await copyWith(path, next, head, keys);
    await rename(next, path);
    return written;
  } catch (error) {
    await unlink(next).catch(() => {});
    throw diskError(error, next);
  }
}

async function copyWith(path: string, next: string, head: number, keys: Buffer): Promise<Written> {
  const file = await open(next, 'wx', 0o600);
  const digest = createHash('sha256');
  let bytes = 0;
  const write = async (piece: Buffer): Promise<void> => {
    await file.appendFile(piece);
    digest.update(piece);
    bytes += piece.length;
  };
  try {
    for await (const piece of createReadStream(path, { end: head - 1 })) await write(piece as Buffer);
    await write(secrets(keys));
    for await (const piece of createReadStream(path, { start: head })) await write(piece as Buffer);
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: digest.digest('hex') };
}
