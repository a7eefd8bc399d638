/** `kprof open FILE`: checks the artifact again, says what is in it, opens it. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import { recognise } from '../formats/index.ts';
import type { Report } from '../report.ts';
import { columns } from '../terminal.ts';
import { view } from '../view.ts';

/** Throws when the file is of no kind that kprof knows, or is not whole. */
export async function open(words: readonly string[], options: { readonly 'no-open': boolean }, report: Report): Promise<void> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0)
    throw new KprofError('usage', 'kprof open takes one file', { hint: 'kprof open recording.jfr' });
  const path = resolve(file);
  const format = await recognise(path);
  const { text, details } = await format.check(path);
  report.note(text);
  if (details !== undefined) report.note(details(columns(process.stderr)));
  if (!options['no-open']) await view(path, format.name, report);
}
