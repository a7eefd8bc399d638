/** Opens a page: serves it, and leads the browser there. */
import type { Format } from '../../formats/format.ts';
import type { Surroundings } from '../viewer.ts';
import { openInBrowser } from './browser.ts';
import { doorway } from './doorway.ts';
import { goPprof } from './go-pprof.ts';
import { type Served, serve } from './serve.ts';
import type { Site } from './site.ts';
import { speedscope } from './speedscope.ts';

/** A viewer that is a page. */
export type PageName = 'page' | 'pprof';

/** How the person gets there. */
export interface Way {
  /** Whether the browser is started; if not, the person takes the address. */
  readonly browser: boolean;
  /** 0 for a free one. */
  readonly port: number;
}

const siteOf: Readonly<Record<PageName, (path: string, format: Format, surroundings: Surroundings) => Promise<Site>>> = {
  page: speedscope,
  pprof: (path, _, surroundings) => goPprof(path, surroundings),
};

/** Serves the file, an absolute path; undefined when there is no browser to lead there. Throws a KprofError when it can't be shown. */
export async function openPage(
  name: PageName,
  path: string,
  format: Format,
  surroundings: Surroundings,
  { browser, port }: Way,
): Promise<Served | undefined> {
  const served = await serve(await siteOf[name](path, format, surroundings), { port });
  if (!browser) return served;
  const door = await doorway(served.address);
  void Promise.race([served.visited, served.ended]).then(door.remove);
  if (await openInBrowser(door.file, surroundings)) return served;
  await served.stop();
  return undefined;
}
