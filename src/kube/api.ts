/** A thin client for the API server: what kprof asks of it, with deadlines and with retries where they can do no harm. */
import { setTimeout as delay } from 'node:timers/promises';
import { KprofError } from '../errors.ts';
import type { Connection } from './config.ts';
import { ApiError } from './errors.ts';
import { type ApiRequest, bodyOf, type Path, type Query, send, succeeded } from './http.ts';
import { networkCode } from './network.ts';
import { traceBody } from './trace.ts';
import { type WatchEvent, watchLines } from './watch-stream.ts';

/** What every request may have. */
export interface Asking {
  readonly signal: AbortSignal;
  /** What is done, for the error: fits after «cannot». */
  readonly doing: string;
  readonly query?: Query | undefined;
  /** Milliseconds for all attempts together; else --request-timeout, else 30 s. */
  readonly timeout?: number | undefined;
  /** Another form of the answer than the object as JSON. */
  readonly accept?: string;
}

/** What a PATCH may have. */
export interface Patching extends Asking {
  readonly contentType?: 'application/strategic-merge-patch+json' | 'application/merge-patch+json' | 'application/json-patch+json';
}

/** The API server. Types of the answers are the caller's claim. */
export interface Api {
  readonly connection: Connection;
  get<T>(path: Path, asking: Asking): Promise<T>;
  /** A text, such as a log. */
  text(path: Path, asking: Asking): Promise<string>;
  /** All items, page by page. */
  list<T>(path: Path, asking: Asking): Promise<readonly T[]>;
  /** Strategic merge unless said otherwise. Sent again only after 409 and 429: both say that nothing was done. */
  patch<T>(path: Path, body: unknown, patching: Patching): Promise<T>;
  create<T>(path: Path, body: unknown, asking: Asking): Promise<T>;
  /** Ends when the server ends it, about each minute; the caller begins again. */
  watch<T>(path: Path, asking: Asking): AsyncIterable<WatchEvent<T>>;
}

const usualTimeout = 30_000;
const attempts = 5;
const pageSize = 250;
const mostPages = 40;

/** Opens the API of a connection; nothing is sent yet. */
export function openApi(connection: Connection): Api {
  const json = async (request: ApiRequest, asking: Asking, mayRetry: MayRetry) =>
    parseJson(connection, request, await exchangeText(connection, request, asking, mayRetry));
  const get = (path: Path, asking: Asking) =>
    json({ method: 'GET', path, query: asking.query, doing: asking.doing, accept: asking.accept }, asking, isPassing);
  return {
    connection,
    get: async <T>(path: Path, asking: Asking) => (await get(path, asking)) as T,
    text: (path, asking) =>
      exchangeText(connection, { method: 'GET', path, query: asking.query, doing: asking.doing, accept: '*/*' }, asking, isPassing),
    list: async <T>(path: Path, asking: Asking) =>
      pages<T>((query) => get(path, { ...asking, query: { ...asking.query, ...query } }) as Promise<Page<T>>),
    patch: async <T>(path: Path, body: unknown, { contentType = 'application/strategic-merge-patch+json', ...asking }: Patching) =>
      (await json(
        { method: 'PATCH', path, query: { fieldManager: 'kprof', ...asking.query }, body, contentType, doing: asking.doing },
        asking,
        ({ code, failure }) => (code === 409 && failure !== 'gone') || code === 429,
      )) as T,
    create: async <T>(path: Path, body: unknown, asking: Asking) =>
      (await json({ method: 'POST', path, query: asking.query, body, doing: asking.doing }, asking, ({ code }) => code === 429)) as T,
    watch: <T>(path: Path, asking: Asking) =>
      watchLines<T>(connection, { method: 'GET', path, query: asking.query, doing: asking.doing }, asking.signal),
  };
}

interface Page<T> {
  readonly items?: readonly T[];
  readonly metadata?: { readonly continue?: string };
}

async function pages<T>(get: (query: Query) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = [];
  let next: string | undefined;
  for (let count = 0; count < mostPages; count++) {
    const page = await get({ limit: pageSize, continue: next });
    items.push(...(page.items ?? []));
    next = page.metadata?.continue || undefined;
    if (next === undefined) return items;
  }
  throw new KprofError('failed', `The API server lists more than ${mostPages * pageSize} objects`, { hint: 'name a pod' });
}

type MayRetry = (error: ApiError) => boolean;

const passingCodes = new Set([429, 500, 502, 503, 504]);
const passingFaults = new Set(['ECONNRESET', 'EPIPE', 'EAI_AGAIN', 'UND_ERR_SOCKET', 'ECONNABORTED']);

/** Whether asking once more may help: an overload, a restart, a dropped connection. */
export const isPassing = (error: ApiError): boolean =>
  passingCodes.has(error.code) || (error.code === 0 && passingFaults.has(networkCode(error.cause) ?? ''));

async function exchangeText(connection: Connection, request: ApiRequest, asking: Asking, mayRetry: MayRetry): Promise<string> {
  // A login that waits for a person takes its time; that is none of the server's.
  await connection.settings(asking.signal);
  const { signal, done } = deadline(connection, asking);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await succeeded(connection, request, await send(connection, request, signal), signal);
        const body = await bodyOf(connection.server, response, signal);
        traceBody(connection.trace, 'answered', body);
        return body;
      } catch (error) {
        if (!(error instanceof ApiError) || attempt === attempts || !mayRetry(error)) throw error;
        await pause(error, attempt, signal);
      }
    }
  } finally {
    done();
  }
}

// Full jitter, so that many clients don't come back together after a restart.
async function pause({ retryAfter }: ApiError, attempt: number, signal: AbortSignal): Promise<void> {
  const wait = retryAfter === undefined ? Math.random() * 200 * 2 ** attempt : retryAfter * 1000 * (1 + Math.random() / 10);
  try {
    await delay(wait, undefined, { signal });
  } catch {
    // Only the signal ends it early, and its reason says more than an AbortError.
    throw signal.reason;
  }
}

function deadline({ timeout: usual, server }: Connection, { signal, timeout, doing }: Asking): { signal: AbortSignal; done: () => void } {
  const limit = timeout ?? usual ?? usualTimeout;
  if (limit === 0) return { signal, done: () => undefined };
  const expiry = new AbortController();
  const timer = setTimeout(
    () =>
      expiry.abort(
        new KprofError('timeout', `Cannot ${doing}: ${server.host} did not answer within ${limit / 1000}s`, {
          hint: '--request-timeout=2m waits longer',
        }),
      ),
    limit,
  );
  return { signal: AbortSignal.any([signal, expiry.signal]), done: () => clearTimeout(timer) };
}

function parseJson({ server }: Connection, { doing }: ApiRequest, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser quotes the body; its beginning tells more.
    throw new KprofError('failed', `${server.host} answered in something else than JSON when asked to ${doing}`, {
      cause: body.trim().slice(0, 300),
      hint: 'is this the address of a Kubernetes API server, with its path?',
    });
  }
}
