/** `kprof open FILE`: checks the artifact again, says what is in it, opens it. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import { recognise } from '../formats/index.ts';
import { columns } from '../terminal.ts';
import { view } from '../view.ts';
import { type ViewerWord, wishedViewer } from '../viewers/words.ts';
import type { Perform } from './around.ts';

/** Throws when the file is of no kind that kprof knows, is not whole, or can't be shown as asked. */
export const run: Perform = async (words, options, { report, settle }) => {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0)
    throw new KprofError(
      'usage',
      file === undefined ? 'kprof open needs a file' : `kprof open takes one file, and "${more.join(' ')}" is left over`,
      {
        hint: 'kprof open recording.jfr',
      },
    );
  if (file === '' || file.includes('\0'))
    throw new KprofError('usage', `kprof open ${JSON.stringify(file)} names no file`, { hint: 'kprof open recording.jfr' });
  const path = resolve(file);
  const format = await recognise(path);
  const { text, details } = await format.check(path);
  report.note(text);
  if (details !== undefined) report.note(details(columns(process.stderr)));
  if (options['no-open'] === true || options['viewer'] === 'none') return;
  settle();
  const wish = {
    viewer: wishedViewer(options['viewer'] as ViewerWord),
    browser: options['no-browser'] !== true,
    port: (options['port'] as number | undefined) ?? 0,
  };
  await view(path, format.name, report, wish);
};
