/** Serves one page on 127.0.0.1, to one browser. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KprofError } from '../../errors.ts';
import { cookieName, judge, type Secrets } from './gate.ts';
import { type Patience, type Presence, watchPresence } from './presence.ts';
import { aliveName, type Site } from './site.ts';

/** Why a page is no longer served. */
export type Ending = 'closed' | 'idle' | 'stopped';

/** A page that is being served. */
export interface Served {
  readonly title: string;
  readonly remark: string | undefined;
  readonly port: number;
  /** The address that lets in who opens it first. */
  readonly address: string;
  /** Resolves when the address was opened; never rejects. */
  readonly visited: Promise<void>;
  readonly ended: Promise<Ending>;
  /** Ends it; resolves when nothing listens any more. */
  stop(): Promise<void>;
}

/** How a tab that is loaded again, and one that never came, are waited for. */
export const patience: Patience = { grace: 5000, idle: 600_000 };

const word = (): string => randomBytes(16).toString('hex');

const headers = (policy: string): Readonly<Record<string, string>> => ({
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
});

const nothing = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const plain = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...(status === 405 ? { Allow: 'GET, HEAD' } : {}) });
  response.end(`${text}\n`);
};

/**
 * Sets the cookie and goes on from here: a redirect would still be a request of the site that led here, which SameSite=Strict gives no cookie.
 */
function letIn(response: ServerResponse, { folder, session }: Secrets, entry: string): void {
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Set-Cookie': `${cookieName}=${session}; Path=/${folder}/; HttpOnly; SameSite=Strict`,
  });
  response.end(`<!doctype html><title>kprof</title><meta http-equiv="refresh" content="0;url=/${folder}/${entry}">\n`);
}

/** A request that is never answered to its end; its close tells that of the tab. */
function stayOpen(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write(':\n\n');
}

interface House {
  readonly site: Site;
  readonly secrets: Secrets;
  readonly presence: Presence;
  readonly port: () => number;
  readonly onVisit: () => void;
}

function handler({ site, secrets, presence, port, onVisit }: House): (request: IncomingMessage, response: ServerResponse) => void {
  let used = false;
  return (request, response) => {
    const { method = '', url = '', headers: sent } = request;
    const path = url.replace(/\?.*$/s, '');
    const verdict = judge({ method, path, headers: sent }, secrets, port(), used);
    const policy = verdict.kind === 'serve' ? site.policy : nothing;
    for (const [name, value] of Object.entries(headers(policy))) response.setHeader(name, value);
    if (verdict.kind === 'refuse') return plain(response, verdict.status, verdict.why);
    const stays = verdict.kind === 'serve' && verdict.name === aliveName && method === 'GET';
    presence.enter(stays);
    response.once('close', presence.leave);
    if (verdict.kind === 'exchange') {
      used = true;
      onVisit();
      letIn(response, secrets, site.entry);
    } else if (stays) stayOpen(response);
    else if (!site.answer(verdict.name, request, response)) plain(response, 404, 'Not here.');
  };
}

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new KprofError('failed', `Port ${port} of 127.0.0.1 can't be listened on`, {
          cause,
          hint: 'leave out --port, and a free one is taken',
        }),
      ),
    );
    server.listen({ host: '127.0.0.1', port }, () => resolve((server.address() as AddressInfo).port));
  });

/** Serves until the tab is closed, nobody looks, or it is stopped; `port` 0 takes a free one. Throws a KprofError when the port is taken. */
export async function serve(site: Site, { port: wanted = 0, times = patience }: { port?: number; times?: Patience } = {}): Promise<Served> {
  const secrets: Secrets = { token: word(), folder: word(), session: word() };
  const ended = Promise.withResolvers<Ending>();
  const visited = Promise.withResolvers<void>();
  const presence = watchPresence(times, (why) => void stop(why));
  let port = 0;
  const server = createServer(handler({ site, secrets, presence, port: () => port, onVisit: visited.resolve }));
  const stop = async (why: Ending): Promise<void> => {
    presence.close();
    const closed = new Promise<unknown>((resolve) => server.close(resolve));
    server.closeAllConnections();
    await Promise.all([closed, site.close()]);
    ended.resolve(why);
  };
  try {
    port = await listen(server, wanted);
  } catch (error) {
    presence.close();
    await site.close();
    throw error;
  }
  const address = `http://127.0.0.1:${port}/${secrets.token}`;
  return {
    title: site.title,
    remark: site.remark,
    port,
    address,
    visited: visited.promise,
    ended: ended.promise,
    stop: () => stop('stopped'),
  };
}
