/** `kprof open FILE`: checks the artifact again, says what is in it, opens it. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import { recognise } from '../formats/index.ts';
import type { Report } from '../report.ts';
import { view } from '../view.ts';
import { type ViewerWord, wishedViewer } from '../viewers/words.ts';

/** What `kprof open` can be told. */
export interface OpenOptions {
  readonly 'no-open': boolean;
  readonly viewer: ViewerWord;
  readonly 'no-browser': boolean;
  readonly port: number | undefined;
}

/** Throws when the file is of no kind that kprof knows, is not whole, or can't be shown as asked. */
export async function open(words: readonly string[], options: OpenOptions, report: Report): Promise<void> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0)
    throw new KprofError('usage', 'kprof open takes one file', { hint: 'kprof open recording.jfr' });
  const path = resolve(file);
  const format = await recognise(path);
  report.note((await format.check(path)).text);
  if (options['no-open'] || options.viewer === 'none') return;
  const wish = { viewer: wishedViewer(options.viewer), browser: !options['no-browser'], port: options.port ?? 0 };
  await view(path, format.name, report, wish);
}
