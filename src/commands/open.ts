/** `kprof open FILE`: checks the artifact again, says what is in it, opens it. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import { recognise } from '../formats/index.ts';
import { view } from '../view.ts';
import type { Perform } from './around.ts';

/** Throws when the file is of no kind that kprof knows, or is not whole. */
export const run: Perform = async (words, options, { report }) => {
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
  report.note((await format.check(path)).text);
  if (!options['no-open']) await view(path, format.name, report, { again: false });
};
