/** Opens an artifact in its viewer where there is a display, or says how to. */
import { formats } from './formats/index.ts';
import type { Report } from './report.ts';
import type { FormatName } from './toolkit.ts';
import { openArtifact } from './viewers/open.ts';

/** Never throws: the artifact is there, opened or not. */
export async function view(path: string, format: FormatName, report: Report): Promise<void> {
  const desk = { env: process.env, platform: process.platform, isTTY: process.stderr.isTTY === true };
  const opened = await openArtifact(path, formats[format], desk);
  if (opened.kind === 'launched') report.note(`Opened in ${opened.viewer.title}`);
  else report.note(`To open it:\n${opened.how}`);
}
