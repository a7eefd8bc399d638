/** Shows a capture while it is written: the file comes first, and the viewer reads behind it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Report } from '../report.ts';
import { createFeed } from '../viewers/feed.ts';
import { type Found, type LiveWish, startLive } from '../viewers/live.ts';
import type { Shown } from '../viewers/viewer.ts';
import { wishedViewer } from '../viewers/words.ts';
import type { Request } from './request.ts';
import type { Tape } from './tape.ts';

// A viewer that is still drawing is not stalled.
const patience = 10_000;

/** What the command line asks for; nothing is shown unasked where somebody wants a record, several files, or no viewer. */
export function wishOf({ options, stdout = false }: Request): LiveWish {
  const { live, viewer, output, rotate, selector } = options;
  const unwanted =
    stdout ||
    options['no-open'] === true ||
    viewer === 'none' ||
    output !== undefined ||
    (rotate ?? selector) !== undefined ||
    options['all-pods'] === true;
  return { live: live ?? (unwanted ? false : undefined), viewer: viewer === undefined ? undefined : wishedViewer(viewer) };
}

/** Starts the viewer of a tape that begins now. */
export async function show(tape: Tape, path: string, found: Found, { title, secrets }: Shown, report: Report): Promise<Tape> {
  const { child, viewer, leave } = startLive(
    found,
    { title, secrets: secrets === undefined ? undefined : resolve(secrets) },
    process.env,
    report.foreign,
  );
  const name = found.viewer.title;
  report.note(`Shown in ${name}; closing it ends the capture`);
  if (found.viewer.live.shows === 'terminal') {
    const giveBack = report.lend();
    child.once('error', giveBack).once('close', giveBack);
  }
  const feed = await createFeed(path, child, (how) => report.warn(`${name} ${how}; the capture goes on`), viewer);
  return {
    get bytes() {
      return tape.bytes;
    },
    closed: feed.closed,
    async write(pieces) {
      await tape.write(pieces);
      feed.grown(tape.bytes);
    },
    close: tape.close,
    async finish(until) {
      const shown = await feed.end(patience, until);
      const isWindow = found.viewer.live.shows === 'window';
      if (shown && !isWindow) await ended(child, until);
      if (!until.aborted) return shown ? undefined : report.warn(`${name} does not take the packets any more; the file has them all`);
      if (!isWindow) await leave();
    },
  };
}

/** Until it has shown the rest; whoever looks at a terminal leaves it by themselves. */
const ended = async (child: ChildProcess, until: AbortSignal): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await once(child, 'close', { signal: until }).catch(() => {}); // it aborts, or there is no such program
};
