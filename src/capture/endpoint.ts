/** Finds the port of the pod behind which an endpoint is. */
import { NothingListens, PortFailed, type Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import type { Report } from '../report.ts';
import { NoSuchProcess } from '../runtimes/processes.ts';
import type { Endpoint, Page } from '../toolkit.ts';
import { CutShort, get, getEither, OtherProtocol, type Server } from './http.ts';
import { isUsual, type Listener } from './listeners.ts';

/** An endpoint that answered. */
export interface Found {
  readonly server: Server;
  /** Of its index, with a slash at both ends. */
  readonly path: string;
  readonly index: Page;
}

/** Why a port is not it. */
export interface Other {
  readonly port: number;
  readonly why: string;
  /** Somebody is there, and what is wrong can be told. */
  readonly error: KprofError | undefined;
  /** What helps there. */
  readonly hint?: string;
}

/** What came of trying some ports. */
export interface Search {
  readonly found: readonly Found[];
  readonly others: readonly Other[];
}

// A page of words: who takes longer than this is no endpoint of ours.
const patience = 10_000;
// So many connections at once; each is one to the API server.
const atOnce = 4;

/** Tries all the ports, and gives those that answer as the endpoint does, in the order of `ports`. */
export async function search(target: Target, endpoint: Endpoint, ports: readonly number[], signal: AbortSignal): Promise<Search> {
  const tried: (Found | Other)[] = [];
  const queue = [...ports.entries()];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      tried[next[0]] = await tryPort(target, endpoint, next[1], signal);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, ports.length) }, work));
  return { found: tried.filter((each) => 'server' in each), others: tried.filter((each) => 'why' in each) };
}

async function tryPort(target: Target, endpoint: Endpoint, port: number, signal: AbortSignal): Promise<Found | Other> {
  const server = { target, port, headers: endpoint.headers };
  let other: Other = { port, why: 'nothing', error: undefined };
  for (const path of endpoint.paths) {
    try {
      const { page, scheme } = await getEither(server, endpoint.scheme, path, { signal, patience });
      const verdict = endpoint.judge(page);
      if (verdict === true || (endpoint.named && verdict === false && page.status === 200))
        return { server: { ...server, scheme }, path, index: page };
      const refused = verdict instanceof KprofError ? verdict : undefined;
      other = { port, why: `it answers ${page.status} at ${path}${elsewhere(page)}`, error: refused ?? other.error };
    } catch (error) {
      // What concerns the API server, or a person's Ctrl-C, is no news of this port.
      if (signal.aborted || !isOfPort(error)) throw error;
      return { port, why: told(error), error: endpoint.named ? error : undefined };
    }
  }
  return other;
}

/** No redirection is followed: it may lead out of the pod. */
const elsewhere = ({ status, headers: { location } }: Page): string =>
  status >= 300 && status < 400 && location !== undefined ? `, which leads to ${location.slice(0, 200)}` : '';

const isOfPort = (error: unknown): error is KprofError =>
  error instanceof PortFailed ||
  error instanceof CutShort ||
  error instanceof OtherProtocol ||
  (error instanceof KprofError && error.failure === 'timeout');

function told(error: KprofError): string {
  if (error instanceof NothingListens) return 'nothing listens';
  if (error instanceof PortFailed) return 'it can not be connected to';
  if (error instanceof CutShort) return 'it hangs up';
  return error.failure === 'timeout' ? 'it does not answer' : 'it speaks something else than HTTP';
}

/** The port that is meant, of those that are tried without looking into the pod; undefined when none is it. */
export async function findDeclared(
  target: Target,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<{ readonly found: Found | undefined; readonly others: readonly Other[] }> {
  const others: Other[] = [];
  for (const [at, group] of endpoint.ports.entries()) {
    const result = await search(target, endpoint, group, signal);
    others.push(...result.others);
    if (result.found.length > 0) return { found: await theOne(result.found, endpoint, signal), others };
    // Named by the user, or by its name or number the one: that it is locked is the answer.
    const locked = result.others.find(({ error }) => error !== undefined)?.error;
    if (locked !== undefined && (endpoint.named || at < endpoint.ports.length - 1 || group.length === 1)) throw locked;
  }
  return { found: undefined, others };
}

/** The only one of them; several are told apart by what is `known` of their processes, or what these say of themselves. */
export async function theOne(
  found: readonly Found[],
  endpoint: Endpoint,
  signal: AbortSignal,
  known: (port: number) => string | undefined = () => undefined,
): Promise<Found> {
  const [first, ...more] = found;
  if (first !== undefined && more.length === 0) return first;
  const line = async (each: Found) => {
    const { port } = each.server;
    return `  --port ${port}  ${known(port) ?? (await who(each, endpoint, signal))}`;
  };
  const lines = await Promise.all(found.map(line));
  throw new KprofError('usage', `There are ${found.length} ${endpoint.looksFor}s in pod ${first?.server.target.pod}`, {
    hint: `name one:\n${lines.join('\n')}`,
  });
}

/** The program behind an endpoint, without its arguments, where secrets may be. */
async function who({ server, path }: Found, { whoami }: Endpoint, signal: AbortSignal): Promise<string> {
  const page = await get(server, `${path}${whoami}`, { signal, patience }).catch(() => undefined); // then its port has to do
  return page?.status === 200 ? (page.text.split('\0')[0] ?? '').slice(0, 80) : '';
}

/** Says the address as a person would type it. */
export const addressOf = ({ server, path }: Found): string => `${server.scheme}://localhost:${server.port}${path}`;

/** The same, where a look into the pod has shown somebody at the port whom a forwarded one does not reach. */
export function seen(other: Other, listening: readonly Listener[]): Other {
  const there = listening.filter(({ port }) => port === other.port);
  const [first] = there;
  if (first === undefined || other.error !== undefined || there.some(isUsual)) return other;
  return {
    ...other,
    why: `it listens on ${first.address} alone, which a forwarded port does not reach`,
    hint: `have the app listen on 127.0.0.1:${other.port}, or on all addresses`,
  };
}

/** The error where no port is it. */
export function notFound(target: Target, endpoint: Endpoint, others: readonly Other[], report: Report): KprofError {
  for (const { port, why } of others) report.debug(1, `port ${port}: ${why}`);
  const tried = others.map(({ port, why }) => `port ${port}: ${why}`);
  const locked = others.find(({ error }) => error !== undefined)?.error;
  if (locked !== undefined) return locked;
  // Where nobody said which port, another container of the pod may have it.
  const Kind = endpoint.named ? KprofError : NoSuchProcess;
  return new Kind('unsupported', `No ${endpoint.looksFor} answers in pod ${target.namespace}/${target.pod}`, {
    cause: tried.length === 0 ? 'nothing listens in it' : tried.join('; '),
    hint: others.find(({ hint }) => hint !== undefined)?.hint ?? endpoint.hint,
  });
}
