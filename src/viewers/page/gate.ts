/**
 * Who may read the page. Any web site that the person visits, and any user of this machine, can send requests to 127.0.0.1:
 * the Host header stops DNS rebinding, Sec-Fetch-Site and Origin stop other sites, the cookie stops everybody else.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What a request has to know. All words are random, of 128 bits. */
export interface Secrets {
  /** The path that is exchanged for the cookie, once. */
  readonly token: string;
  /** The folder that all is served from: other servers on this address don't get its cookie. */
  readonly folder: string;
  /** The cookie's value. */
  readonly session: string;
}

/** A request, as far as the gate looks at it. */
export interface Knock {
  readonly method: string;
  /** As it was sent, without the query: nothing is decoded, so nothing can climb. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** What becomes of a request. */
export type Verdict =
  | { readonly kind: 'refuse'; readonly status: number; readonly why: string }
  | { readonly kind: 'exchange' }
  | { readonly kind: 'serve'; readonly name: string };

/** The cookie that the token is exchanged for. */
export const cookieName = 'kprof';

const refuse = (status: number, why: string): Verdict => ({ kind: 'refuse', status, why });

const same = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

const hostsOf = (port: number): readonly string[] => ['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${port}`);

/** Browsers say where a request comes from; what is no browser says nothing, and has no cookie of ours either. */
function isForeign({ headers }: Knock, entering: boolean): boolean {
  const site = headers['sec-fetch-site'];
  const navigates = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  // The page that leads here is a local file, which is another site to a browser.
  const fromElsewhere = site !== undefined && site !== 'same-origin' && site !== 'none' && !(entering && navigates);
  return fromElsewhere || (headers.origin !== undefined && headers.origin !== `http://${headers.host}`);
}

const hasCookie = ({ headers }: Knock, session: string): boolean =>
  (headers.cookie ?? '').split(';').some((pair) => same(pair.trim(), `${cookieName}=${session}`));

/** Judges a request to the server on `port`; `used` tells that the token was exchanged already. */
export function judge(knock: Knock, { token, folder, session }: Secrets, port: number, used: boolean): Verdict {
  const { method, path, headers } = knock;
  if (!hostsOf(port).includes(headers.host ?? '')) return refuse(421, `This is 127.0.0.1:${port} and nothing else.`);
  if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'Only GET and HEAD.');
  const entering = same(path, `/${token}`);
  if (isForeign(knock, entering)) return refuse(403, 'Not for other sites.');
  if (entering && used) return refuse(403, 'This address has worked once. Run kprof open again.');
  if (entering) return method === 'GET' ? { kind: 'exchange' } : refuse(405, 'Only GET.');
  if (!hasCookie(knock, session)) return refuse(403, 'Only for who kprof was started by.');
  if (!path.startsWith(`/${folder}/`)) return refuse(404, 'Not here.');
  return { kind: 'serve', name: path.slice(folder.length + 2) };
}
