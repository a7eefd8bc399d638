/** Opens an artifact in its viewer where there is a display, or says how to. */
import { KprofError } from './errors.ts';
import { formats } from './formats/index.ts';
import type { Report } from './report.ts';
import type { FormatName } from './toolkit.ts';
import { openComparison, type Pair } from './viewers/compare.ts';
import { type Opened, openArtifact, type Wish } from './viewers/open.ts';

const desk = (stays: boolean, again: boolean) => ({
  env: process.env,
  platform: process.platform,
  isTTY: process.stderr.isTTY === true,
  stays,
  again,
});

/** Opens it; `again`: it may be tried once more with `kprof open`. A page is stayed with until its tab is closed. Throws a KprofError when what was asked for can't be. */
export async function view(
  path: string,
  format: FormatName,
  report: Report,
  wish: Wish,
  { stays = true, again = false } = {},
): Promise<void> {
  await stay(await openArtifact(path, formats[format], desk(stays, again), wish), report, wish);
}

/** The same of what two files differ in. Nothing is opened when somebody reads our stdout, who waits for its end, unless an address is asked for. */
export async function viewComparison(pair: Pair, report: Report, wish: Wish): Promise<void> {
  await stay(await openComparison(pair, desk(process.stdout.isTTY === true, false), wish), report, wish);
}

async function stay(opened: Opened, report: Report, wish: Wish): Promise<void> {
  if (opened.kind === 'launched') report.note(`Opened in ${opened.viewer.title}`);
  else if (opened.kind === 'how') report.note(opened.how === '' ? 'There is nothing here that opens it' : `To open it:\n${opened.how}`);
  else {
    if (!wish.browser) (await import('./print.ts')).printAddress(opened.served.address);
    const { attend } = await import('./viewers/page/attend.ts');
    await attend(opened.served, report, wish.browser);
  }
}

/** The same after a capture: never throws, as the artifact is there, opened or not; and doesn't stay when somebody reads our stdout. */
export async function viewCapture(path: string, format: FormatName, report: Report, viewer: Wish['viewer']): Promise<void> {
  try {
    await view(path, format, report, { viewer, browser: true, port: 0 }, { stays: process.stdout.isTTY === true, again: true });
  } catch (error) {
    if (!(error instanceof KprofError)) throw error;
    report.warn(`It was not opened: ${error.message}`);
  }
}
