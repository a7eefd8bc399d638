/** The words of `--viewer`; loads nothing, as the help is made of it. */
import { KprofError } from '../errors.ts';
import { choice, count, type Flag } from '../flags.ts';
import type { ViewerName } from '../formats/format.ts';

const words = ['auto', 'page', 'jmc', 'mat', 'visualvm', 'wireshark', 'tshark', 'termshark', 'pprof', 'none'] as const;

/** What can be typed. */
export type ViewerWord = (typeof words)[number];

/** How to show an artifact. */
export const viewerFlag: Flag<ViewerWord> = choice(
  words,
  'auto',
  'What shows the artifact: page is speedscope in the browser, jmc is JDK Mission Control, pprof is that of Go',
);

/** A TCP port. */
export const portFlag: Flag<number> = {
  ...count(undefined, 'Port of 127.0.0.1 for the page; else a free one', 1, 'PORT'),
  parse(typed, { flag }) {
    if (!/^[1-9]\d{0,4}$/.test(typed) || Number(typed) > 65_535)
      throw new KprofError('usage', `${flag} "${typed}" is not a port from 1 to 65535`);
    return Number(typed);
  },
};

/** The viewer that was named, if one was. */
export const wishedViewer = (word: ViewerWord): ViewerName | undefined => (word === 'auto' || word === 'none' ? undefined : word);
