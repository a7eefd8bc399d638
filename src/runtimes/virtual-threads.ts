/** What HotSpot's Thread.dump_to_file tells of virtual threads: https://openjdk.org/jeps/444 */

import { safeLine } from '../safe.ts';

/** The line that a virtual thread begins with: `#22 "" virtual`, of later JDKs with its state behind. */
export const virtualThread = /^#\d+ ".*" virtual\b/;

/** The blocks of virtual threads out of those of all threads; empty where there are none. */
export function onlyVirtual(text: string): string {
  const blocks = text.split(/\n(?=#\d+ ")/).filter((block) => virtualThread.test(block));
  return blocks.length === 0 ? '' : `Virtual threads:\n\n${blocks.map((block) => block.trimEnd()).join('\n\n')}\n`;
}

/** Why the JVM, of what it answered, could not write them down; undefined where it did. */
export const notWritten = (answered: string): string | undefined =>
  /^Created /m.test(answered)
    ? undefined
    : `The JVM could not write its virtual threads down: ${safeLine(answered.trim().slice(0, 300)) || 'it answered nothing'}`;

/** Of a file of all threads, each of which ends with an empty line: a disk that is full is told nowhere else. */
export const endOfThreads = '\n\n';

/** What is missing of such a file. */
export const notWhole = (text: string): string | undefined =>
  text.endsWith(endOfThreads) ? undefined : 'Virtual threads, or some of them, are missing: they were not written down whole';
