/** Text files, line by line. */
import { openFile } from './format.ts';

/** A line as long as this is no line: what has none would fill the memory. */
export const longest = 1 << 20;

/** The lines of a local file without their ends; the last one has no end if `whole` is false. Lines are cut at `longest` characters. */
export async function* linesOf(path: string): AsyncGenerator<{ readonly line: string; readonly whole: boolean }> {
  await using file = await openFile(path);
  let rest = '';
  for await (const chunk of file.createReadStream({ encoding: 'utf8', autoClose: false })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) yield { line: line.replace(/\r$/, ''), whole: true };
    for (; rest.length > longest; rest = '') yield { line: rest.slice(0, longest), whole: false };
  }
  if (rest !== '') yield { line: rest, whole: false };
}
