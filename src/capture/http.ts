/** HTTP/1.1 with a process of the pod, over a forwarded port; Node's own client speaks it. */
import { type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { NothingListens, type Sink, type Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import type { Page } from '../toolkit.ts';

/** Where an HTTP server is, how it is spoken to, and what is sent with every request. */
export interface Server {
  readonly target: Pick<Target, 'forward' | 'namespace' | 'pod' | 'gone'>;
  readonly port: number;
  readonly scheme: 'http' | 'https';
  readonly headers: Readonly<Record<string, string>>;
}

/** What listens there speaks no HTTP, or not in this scheme. */
export class OtherProtocol extends KprofError {}

/** The connection ended before the answer was whole. */
export class CutShort extends KprofError {}

/** What an answer may cost. */
export interface Limits {
  readonly signal: AbortSignal;
  /** Milliseconds until the first byte of an answer, and between two. */
  readonly patience: number;
}

const longestText = 256 * 1024;

/**
 * GETs a path and gives the page. The body of a success goes to `body`, where one is given, and its text is empty then.
 * Rejects with NothingListens, OtherProtocol, CutShort, or a KprofError `timeout`.
 */
export async function get(server: Server, path: string, { signal, patience }: Limits, body?: Sink): Promise<Page> {
  const late = new AbortController();
  const where = `Port ${server.port} of pod ${server.target.namespace}/${server.target.pod}`;
  const watch = setTimeout(
    () => late.abort(new KprofError('timeout', `${where} did not answer within ${Math.round(patience / 1000)}s`)),
    patience,
  );
  const stop = AbortSignal.any([signal, late.signal]);
  let wire: Duplex | undefined;
  try {
    wire = await server.target.forward(server.port, stop);
    const response = await exchange(server, wire, path, where);
    return await read(response, { where, beat: () => watch.refresh(), body });
  } catch (error) {
    if (stop.aborted) throw stop.reason;
    throw error;
  } finally {
    clearTimeout(watch);
    wire?.destroy();
  }
}

function exchange({ port, scheme, headers }: Server, wire: Duplex, path: string, where: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const failed = (error: NodeJS.ErrnoException) => reject(explain(error, where, scheme));
  wire.on('error', failed);
  // The certificate is made for the names that the app is known by, not for this: the way into the pod is what is trusted.
  const socket = scheme === 'http' ? wire : connect({ socket: wire, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  socket.on('error', failed);
  const outgoing = request({
    createConnection: () => socket,
    path,
    headers: { Host: `localhost:${port}`, Accept: '*/*', Connection: 'close', ...headers },
    maxHeaderSize: 65_536,
  });
  outgoing.on('response', resolve);
  outgoing.on('error', failed);
  outgoing.end();
  return promise;
}

function explain(error: NodeJS.ErrnoException, where: string, scheme: 'http' | 'https'): KprofError {
  if (error instanceof KprofError) return error;
  const { code = '' } = error;
  if (code === 'ECONNRESET' || code === 'EPIPE') return new CutShort('failed', `${where} closed the connection without an answer`);
  const tls = code.startsWith('ERR_SSL') || code === 'EPROTO' || code.startsWith('ERR_TLS');
  if (tls) return new OtherProtocol('failed', `${where} does not speak TLS, or not as HTTPS does`, { cause: error });
  return new OtherProtocol('failed', `${where} does not speak HTTP`, {
    cause: error,
    hint: scheme === 'http' ? '--scheme https' : undefined,
  });
}

async function read(
  response: IncomingMessage,
  { where, beat, body }: { where: string; beat: () => void; body: Sink | undefined },
): Promise<Page> {
  const status = response.statusCode ?? 0;
  const sink = status === 200 ? body : undefined;
  const chunks: Buffer[] = [];
  let kept = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      beat();
      if (sink !== undefined) await sink(chunk);
      else if (kept < longestText) kept += chunks.push(chunk) && chunk.length;
      else break;
    }
  } catch (error) {
    if (error instanceof KprofError) throw error;
    throw new CutShort('incomplete', `${where} ended the connection before its answer was whole`, { cause: error });
  }
  if (sink !== undefined && !response.complete)
    throw new CutShort('incomplete', `${where} ended the connection before its answer was whole`);
  const headers = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
  return { status, headers, text: Buffer.concat(chunks).subarray(0, longestText).toString('utf8') };
}

const saysHttps = /HTTPS/i;

/** GETs a page in the given scheme, or in the one that turns out to be spoken there. */
export async function getEither(
  server: Omit<Server, 'scheme'>,
  scheme: Server['scheme'] | undefined,
  path: string,
  limits: Limits,
): Promise<{ readonly page: Page; readonly scheme: Server['scheme'] }> {
  const inScheme = async (chosen: Server['scheme']) => ({ page: await get({ ...server, scheme: chosen }, path, limits), scheme: chosen });
  if (scheme !== undefined) return inScheme(scheme);
  try {
    const plain = await inScheme('http');
    if (plain.page.status !== 400 || !saysHttps.test(plain.page.text)) return plain;
    return await inScheme('https');
  } catch (error) {
    if (error instanceof NothingListens || !(error instanceof OtherProtocol || error instanceof CutShort)) throw error;
    return await inScheme('https').catch((second: unknown) => {
      throw second instanceof OtherProtocol ? error : second;
    });
  }
}
