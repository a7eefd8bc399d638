/** A profile as folded stacks, `outer;inner COUNT` a line: what all flame graph programs read (https://github.com/brendangregg/FlameGraph). */
import type { Profile } from './profile.ts';

// They stand for something in a line.
const plain = (name: string): string => name.replace(/[;\r\n]/g, '_');

/** By the first of the profile's values; empty without samples. */
export function folded({ samples }: Profile): string {
  const counts = new Map<string, number>();
  for (const { stack, values } of samples) {
    const names = stack.flatMap(({ lines }) => lines.map(({ name }) => plain(name)));
    const line = names.toReversed().join(';');
    counts.set(line, (counts.get(line) ?? 0) + (values[0] ?? 0));
  }
  return [...counts].map(([line, count]) => `${line} ${count}\n`).join('');
}
