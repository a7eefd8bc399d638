/** The `fetch` kind: pages of an endpoint of the pod are the artifact. */
import type { Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { duration, bytes as inWords, type Report } from '../report.ts';
import type { HttpGet } from '../toolkit.ts';
import type { Found } from './endpoint.ts';
import type { Captured } from './file.ts';
import { goneOr } from './gone.ts';
import { CutShort, get } from './http.ts';
import { written } from './written.ts';
import { zip } from './zip.ts';

/** Of one of several, which are held here until they are whole. */
const maxEntry = 256 * 2 ** 20;
/** Of one that is written as it comes, and how long it may come beyond its time: a server may go on for ever. */
const most = { bytes: 2 * 2 ** 30, time: 900_000 };
/** Beyond the time that it means to take: a busy process, a slow line. */
const patience = 60_000;

/** What a fetch is performed with. */
export interface Fetching {
  readonly target: Target;
  readonly found: Found;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Of one page: bytes, and milliseconds beyond the time that it means to take. */
  readonly most?: { readonly bytes: number; readonly time: number };
}

/** Fetches into the local file `partial`: one page as it is, several as a zip file. Rejects when a page is refused or not whole. */
export const fetchInto = (fetching: Fetching, asks: readonly HttpGet[], partial: string, together: boolean): Promise<Captured> =>
  written(partial, 'The app', async (sink) => {
    if (together) await fetchAll(fetching, asks, sink);
    else for (const each of asks) await fetchOne(fetching, each, sink);
  });

async function fetchAll(fetching: Fetching, asks: readonly HttpGet[], sink: (chunk: Uint8Array) => void | Promise<void>): Promise<void> {
  const archive = zip(sink);
  let whole = 0;
  for (const each of asks) {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const collect = (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > maxEntry) throw new KprofError('failed', `${each.name} is larger than ${maxEntry / 2 ** 20} MiB; fetch it alone`);
      chunks.push(chunk);
    };
    try {
      await fetchOne(fetching, each, collect);
      await archive.add(each.name, Buffer.concat(chunks));
      whole += 1;
    } catch (error) {
      // One that the app doesn't give is left out; but when nothing can be had any more, the rest is not tried.
      if (!(error instanceof Refused)) throw error;
      fetching.report.warn(`${each.name} is left out: ${error.message}`);
    }
  }
  if (whole === 0) throw new KprofError('failed', 'The app gave none of its profiles');
  await archive.end();
}

/** The app answered, and not with what was asked for. */
class Refused extends KprofError {}

async function fetchOne(
  { target, found, report, signal, most: { bytes: mostBytes, time } = most }: Fetching,
  { path, query, takes, says, refused }: HttpGet,
  sink: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const words = new URLSearchParams(query).toString();
  const address = `${found.path}${path}${words === '' ? '' : `?${words}`}`;
  report.stage(says);
  report.debug(1, `GET ${address} of port ${found.server.port}`);
  const began = performance.now();
  let bytes = 0;
  const late = new AbortController();
  const endless = (what: string) =>
    new KprofError('incomplete', `The answer to ${path} has no end: ${what}`, {
      hint: '--port PORT and --path PATH say which server is meant',
    });
  const limit = setTimeout(
    () => late.abort(endless(`it still comes ${duration(time)} after it was due`)),
    Math.min(takes + time, 2 ** 31 - 1),
  );
  const tick = setInterval(() => {
    const done = performance.now() - began;
    if (bytes > 0) report.progress(`${says}, receiving`, { done: bytes });
    else if (takes > 0) report.progress(says, { done: Math.min(done, takes), total: takes, unit: 'time' });
  }, 250);
  try {
    const page = await get(
      found.server,
      address,
      { signal: AbortSignal.any([signal, late.signal]), patience: takes + patience },
      (chunk) => {
        bytes += chunk.length;
        if (bytes > mostBytes) throw endless(`it is larger than ${inWords(mostBytes)}`);
        return sink(chunk);
      },
    );
    if (page.status === 200) return;
    const { failure, message, hint, cause } = refused(page);
    throw new Refused(failure, message, { hint, cause });
  } catch (error) {
    throw error instanceof CutShort ? await goneOr(target, error) : error;
  } finally {
    clearTimeout(limit);
    clearInterval(tick);
  }
}
