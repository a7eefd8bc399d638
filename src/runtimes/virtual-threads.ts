/** What HotSpot's Thread.dump_to_file tells of virtual threads: https://openjdk.org/jeps/444 */

import { safeLine } from '../safe.ts';

/** The line that a virtual thread begins with: `#22 "" virtual`, of later JDKs with its state behind. */
export const virtualThread = /^#\d+ ".*" virtual\b/;

/** The blocks of virtual threads out of those of all threads; empty where there are none. */
export function onlyVirtual(text: string): string {
  const blocks = text.split(/\n(?=#\d+ ")/).filter((block) => virtualThread.test(block));
  return blocks.length === 0 ? '' : `Virtual threads:\n\n${blocks.map((block) => block.trimEnd()).join('\n\n')}\n`;
}

/** Why there are none of them, of what the JVM answered; undefined where it wrote them down. */
export const leftOut = (answered: string): string | undefined =>
  /^Created /m.test(answered)
    ? undefined
    : `Virtual threads are left out: ${safeLine(answered.trim().slice(0, 300)) || 'the JVM could not write them down'}`;
