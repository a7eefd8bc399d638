/** The words of `--viewer`; loads nothing, as the help is made of it. */
import { choice, type Flag } from '../flags.ts';
import type { ViewerName } from '../formats/format.ts';

const words = ['auto', 'page', 'jmc', 'pprof', 'none'] as const;

/** What can be typed. */
export type ViewerWord = (typeof words)[number];

/** How to show an artifact. */
export const viewerFlag: Flag<ViewerWord> = choice(
  words,
  'auto',
  'What shows the artifact: page is speedscope in the browser, jmc is JDK Mission Control, pprof is that of Go',
);

/** The viewer that was named, if one was. */
export const wishedViewer = (word: ViewerWord): ViewerName | undefined => (word === 'auto' || word === 'none' ? undefined : word);
