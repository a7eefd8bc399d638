/** A watch: one JSON event a line, for as long as the response lasts. */
import type { Connection } from './config.ts';
import { ApiError, type Status } from './errors.ts';
import { type ApiRequest, send, succeeded } from './http.ts';
import { unreachable } from './network.ts';

/** A change, as the API server reports it; an ERROR is thrown instead. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

// Short, since a line that was dropped silently (a load balancer, a laptop asleep) is noticed only at its end.
const serverSeconds = 60;
const clientMilliseconds = 75_000;
const longestLine = 16 * 1024 * 1024;

/** The events of one response. */
export async function* watchLines<T>(connection: Connection, request: ApiRequest, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
  const expiry = new AbortController();
  const timer = setTimeout(() => expiry.abort(), clientMilliseconds);
  const both = AbortSignal.any([signal, expiry.signal]);
  const query = { ...request.query, watch: true, allowWatchBookmarks: true, timeoutSeconds: serverSeconds };
  try {
    const asked = { ...request, query };
    const response = await succeeded(connection, asked, await send(connection, asked, both), both);
    for await (const line of lines(response as AsyncIterable<Buffer>)) yield parseEvent<T>(line, request.doing);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // An end by our own clock is an end like the server's.
    if (!expiry.signal.aborted) throw error instanceof Error && 'failure' in error ? error : unreachable(connection.server, error);
  } finally {
    clearTimeout(timer);
    expiry.abort();
  }
}

async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      yield Buffer.concat([...parts, chunk.subarray(from, end)]).toString('utf8');
      [parts, length, from] = [[], 0, end + 1];
    }
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > longestLine) throw new Error('an event of a watch is longer than 16 MiB');
  }
}

/** Reads an event; throws an ApiError for one of type ERROR, whose object is a Status. */
export function parseEvent<T>(line: string, doing: string): WatchEvent<T> {
  const event = JSON.parse(line) as { type: WatchEvent<T>['type'] | 'ERROR'; object: unknown };
  if (event.type !== 'ERROR') return event as WatchEvent<T>;
  const status = event.object as Status;
  throw new ApiError('failed', `Cannot ${doing}: the watch was ended`, { cause: status.message, code: status.code ?? 500, status });
}
