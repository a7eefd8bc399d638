/** One HTTP exchange with the API server. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { KprofError } from '../errors.ts';
import type { Connection } from './config.ts';
import { refused } from './errors.ts';
import { networkCode, unreachable } from './network.ts';
import type { RequestSettings } from './settings.ts';
import { addressText, headersText, traceBody } from './trace.ts';
import { untilAborted } from './until-aborted.ts';

/** Segments below the server's own path; each is encoded. */
export type Path = readonly string[];

/** Parameters of a query; one that is undefined is left out. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** A request, before it has a connection. */
export interface ApiRequest {
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly path: Path;
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  /** Fits after «cannot»: `read pod shop/api`. */
  readonly doing: string;
}

/** More than any object of Kubernetes has; a list comes in pages. */
const longestBody = 16 * 1024 * 1024;

// A Status is a few lines; of a page that a proxy sends only the title is shown.
const longestRefusal = 64 * 1024;

/** The address of a path under the server, whose own path is kept. */
export function addressOf(server: URL, path: Path, query: Query = {}): URL {
  const address = new URL(server);
  address.pathname = `${server.pathname.replace(/\/+$/, '')}/${path.map(encodeURIComponent).join('/')}`;
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`),
  );
  address.search = pairs.join('&');
  return address;
}

/** Sends, and gives the response as soon as its headers are here; a 401 is tried again once with a new credential. */
export async function send(connection: Connection, request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const settings = await connection.settings(signal);
  const response = await exchange(connection, settings, request, signal);
  if (response.statusCode !== 401 || !connection.refresh(settings)) return response;
  response.destroy();
  return exchange(connection, await connection.settings(signal), request, signal);
}

async function exchange(
  { server, trace }: Connection,
  { agent, headers }: RequestSettings,
  { method, path, query, body, contentType, accept }: ApiRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const content = body === undefined ? undefined : JSON.stringify(body);
  const typed =
    content === undefined ? {} : { 'Content-Type': contentType ?? 'application/json', 'Content-Length': Buffer.byteLength(content) };
  const start = server.protocol === 'http:' ? httpRequest : httpsRequest;
  const address = addressOf(server, path, query);
  const all = { ...headers, Accept: accept ?? 'application/json', ...typed };
  const began = performance.now();
  // Node keeps the signal from the agent, and a proxy may take its time.
  const asked = { method, agent, signal, until: signal, headers: all };
  const outgoing = sending(server, () => start(address, asked));
  trace?.(7, () => `${method} ${addressText(address)} with the headers\n${headersText(all)}`);
  if (content !== undefined) traceBody(trace, 'sent', content);
  outgoing.on('response', (response) => {
    const { statusCode, statusMessage } = response;
    trace?.(6, () => `${method} ${addressText(address)} ${statusCode} ${statusMessage} in ${Math.round(performance.now() - began)}ms`);
    trace?.(7, () => `answered with the headers\n${headersText(response.headers)}`);
    resolve(response);
  });
  outgoing.on('error', (error) => {
    if (!signal.aborted) trace?.(6, () => `${method} ${addressText(address)}: ${networkCode(error) ?? error.message}`);
    reject(signal.aborted ? signal.reason : unreachable(server, error));
  });
  outgoing.end(content);
  // A request that waits for a proxy to connect does not notice its signal.
  return untilAborted(promise, signal);
}

/** What Node refuses before it sends, such as a certificate that it can't read. */
export function sending<T>(server: URL, start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw unreachable(server, error);
  }
}

/** The whole body as text; more than 16 MiB is an error. */
export async function bodyOf(server: URL, response: IncomingMessage, signal: AbortSignal, limit: number = longestBody): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit)
        throw new KprofError('failed', `${server.host} answered with more than ${limit >> 20} MiB`, {
          hint: 'is this the address of a Kubernetes API server, with its path?',
        });
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof KprofError) throw error;
    throw signal.aborted ? signal.reason : unreachable(server, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The response again if it is a success, else the error that it tells. */
export async function succeeded(
  { server, trace }: Connection,
  { doing, path }: ApiRequest,
  response: IncomingMessage,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const code = response.statusCode ?? 0;
  if (code >= 200 && code < 300) return response;
  const retryAfter = Number(response.headers['retry-after']);
  const namespace = path[path.indexOf('namespaces') + 1];
  const body = await beginningOf(response, signal);
  traceBody(trace, 'refused', body);
  throw refused(
    { server, doing, namespace: path.includes('namespaces') ? namespace : undefined },
    { code, body, retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined },
  );
}

/** The first 64 KiB of a refusal: half of one is better than none, since the status line alone already tells most. */
export async function beginningOf(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= longestRefusal) break; // which ends the connection too
    }
  } catch {
    signal.throwIfAborted();
  }
  return Buffer.concat(chunks).subarray(0, longestRefusal).toString('utf8');
}
