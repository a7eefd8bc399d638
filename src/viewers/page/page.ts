/** Opens a page: serves it, and leads the browser there. */
import type { Surroundings } from '../viewer.ts';
import { openInBrowser } from './browser.ts';
import { doorway } from './doorway.ts';
import { type Served, serve } from './serve.ts';
import { catchSignals } from './signals.ts';
import type { Site } from './site.ts';

/** A viewer that is a page. */
export type PageName = 'page' | 'pprof';

/** How the person gets there. */
export interface Way {
  /** Whether the browser is started; if not, the person takes the address. */
  readonly browser: boolean;
  /** 0 for a free one. */
  readonly port: number;
}

/** Makes what is served; the signal is the person's Ctrl-C. Rejects with a KprofError. */
export type MakeSite = (signal: AbortSignal) => Promise<Site>;

/** Serves until the first of: the tab is closed, nobody looks, Ctrl-C. */
async function serveUntilSignal(make: MakeSite, port: number): Promise<Served> {
  const { signal, release } = catchSignals();
  try {
    const served = await serve(await make(signal), { port });
    void served.ended.then(release);
    signal.addEventListener('abort', () => void served.stop());
    if (signal.aborted) await served.stop();
    return served;
  } catch (error) {
    release();
    throw error;
  }
}

/** Serves a page; undefined when there is no browser to lead there. Throws a KprofError when it can't be made. */
export async function openPage(make: MakeSite, surroundings: Surroundings, { browser, port }: Way): Promise<Served | undefined> {
  const served = await serveUntilSignal(make, port);
  if (!browser) return served;
  const door = await doorway(served.address);
  const gone = Promise.race([served.visited, served.ended]).then(door.remove);
  if (await openInBrowser(door.file, surroundings)) return served;
  await served.stop();
  await gone;
  return undefined;
}
