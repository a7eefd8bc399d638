/** Classes and what their objects take, as lines of a terminal. */
import { byName } from '../runtimes/histogram.ts';
import { safeLine } from '../safe.ts';

/** The objects of one class. */
export interface Objects {
  readonly name: string;
  readonly instances: number;
  readonly bytes: number;
}

/** Of the classes that take most, so many: by name, which those of several class loaders share. */
export const largest = (objects: readonly Objects[], count: number): readonly Objects[] =>
  [...byName(objects).values()].sort((one, other) => other.bytes - one.bytes).slice(0, count);

/** The first lines of a text, cut to a terminal. */
export function firstLines(text: string, columns: number, count: number): string {
  const lines = text.trimEnd().split('\n');
  const rest = lines.length - count;
  const shown = lines.slice(0, count).map((line) => safeLine(line).slice(0, columns));
  return [...shown, ...(rest > 0 ? [`… and ${rest} more`] : [])].join('\n');
}

/** The largest classes, `count` of them. */
export function objectTable(objects: readonly Objects[], columns: number, count = 10): string {
  const lines = objects.map(({ instances, bytes, name }) => `${String(instances).padStart(13)}${String(bytes).padStart(15)}  ${name}`);
  return firstLines(['   #instances         #bytes  class name', ...lines].join('\n'), columns, count + 1);
}
