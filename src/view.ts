/** Opens an artifact in its viewer where there is a display, or says how to. */
import { formats } from './formats/index.ts';
import type { Report } from './report.ts';
import type { FormatName } from './toolkit.ts';
import { openArtifact } from './viewers/open.ts';

/** Never throws: the artifact is there, opened or not. `again`: it may be tried once more with `kprof open`. */
export async function view(path: string, format: FormatName, report: Report, { again = true } = {}): Promise<void> {
  const desk = { env: process.env, platform: process.platform, isTTY: process.stderr.isTTY === true };
  const opened = await openArtifact(path, formats[format], { ...desk, again });
  if (opened.kind === 'launched') report.note(`Opened in ${opened.viewer.title}`);
  else report.note(opened.how === '' ? 'There is nothing here that opens it' : `To open it:\n${opened.how}`);
}
