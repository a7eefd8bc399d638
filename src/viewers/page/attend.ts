/** Stays with a page until it ends. */
import type { Report } from '../../report.ts';
import type { Ending, Served } from './serve.ts';

const farewells: Readonly<Record<Ending, string>> = {
  closed: 'The tab is closed.',
  idle: 'Nobody has looked for 10 minutes: the page has ended.',
  stopped: 'The page has ended.',
};

const browserTakes = 20_000;

/** Resolves when the page has ended; `led` tells that the browser was led to it. */
export async function attend(served: Served, report: Report, led: boolean): Promise<void> {
  report.note(
    `${led ? 'Opened in the browser' : 'Waiting for a browser'}: ${served.title} on 127.0.0.1:${served.port}. It ends with the tab, or with Ctrl-C.`,
  );
  if (served.remark !== undefined) report.note(served.remark);
  // A browser in a box of its own (Snap, Flatpak) can't read the file that leads here.
  const timer = setTimeout(() => {
    if (led) report.note(`No browser has come. This address works once:\n${served.address}`);
  }, browserTakes);
  void served.visited.then(() => clearTimeout(timer));
  const ending = await served.ended;
  clearTimeout(timer);
  report.note(farewells[ending]);
}
