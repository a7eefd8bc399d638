/** What a debug container does that answers a verb as the script does. */
import { createHash } from 'node:crypto';
import type { Execution, Io } from '../../src/cluster.ts';

/** Prints a text, tells what it was, and ends. */
export function answers(text: string, { stdout, stderr }: Io): Execution {
  void stdout?.(Buffer.from(text));
  void stderr?.(Buffer.from(`\nkprof-answer 0 ${createHash('sha256').update(text).digest('hex')}\n`));
  return { send: () => {}, done: Promise.resolve({ code: 0 }) };
}
