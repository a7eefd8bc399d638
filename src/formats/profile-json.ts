/** Profiles that are one JSON value. */
import { readFile, stat } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import { bytes as inWords } from '../report.ts';
import { openFile } from './format.ts';

/** A frame, as V8 writes it: https://chromedevtools.github.io/devtools-protocol/tot/Runtime/#type-CallFrame */
export interface CallFrame {
  readonly functionName: string;
}

// A text of V8 has 512 MiB at most, and the values take several times their text.
const limit = 256 * 2 ** 20;

/** An error about a file that is not what it should be; `what` is its kind. */
export const broken = (path: string, what: string, reason: string): KprofError =>
  new KprofError('incomplete', `${path} is not a whole ${what}: ${reason}`);

/** The value. Throws a KprofError: `incomplete` when it is not JSON, `unsupported` when it is too large to read at once. */
export async function readJson(path: string, what: string): Promise<unknown> {
  await using _ = await openFile(path);
  const { size } = await stat(path);
  if (size > limit)
    throw new KprofError('unsupported', `${path} has ${inWords(size)}, and kprof reads a ${what} of up to ${inWords(limit)}`);
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    throw broken(path, what, 'it is cut short, or no JSON');
  }
}

/** Whether a value is an object of which these are numbers. */
export const hasNumbers = (value: unknown, ...names: readonly string[]): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && names.every((name) => Number.isFinite((value as Record<string, unknown>)[name]));

/** Whether a node tells its function. */
export const hasFrame = (node: Readonly<Record<string, unknown>>): boolean =>
  typeof (node['callFrame'] as CallFrame | undefined)?.functionName === 'string';
