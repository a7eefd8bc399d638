/** Agents that reach the API server through a proxy: CONNECT for http:// and https:// ones, and SOCKS. */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { KprofError } from '../errors.ts';
import { addressText } from './trace.ts';

const connectTimeout = 10_000;

/** The agent for a server, with the TLS options that are for the server itself. Throws a KprofError that names the proxy without its password. */
export async function proxyAgent(server: URL, tls: AgentOptions, typed: string): Promise<HttpAgent> {
  const proxy = URL.parse(typed);
  if (proxy === null || proxy.hostname === '') throw unusable(typed.replace(/^(.*\/\/)?[^/]*@/, '$1'), 'is no address');
  if (/^socks(4a?|5h?)?:$/.test(proxy.protocol)) return socksAgent(server, tls, proxy);
  if (!/^https?:$/.test(proxy.protocol)) throw unusable(shortText(proxy), 'is of no kind that kprof knows');
  credentials(proxy);
  return server.protocol === 'http:' ? new HttpTunnel(proxy, tls) : new HttpsTunnel(proxy, tls);
}

/** The user and the password as they are meant; throws where a % in them stands for nothing. */
function credentials({ username, password, origin }: URL): string {
  try {
    return [username, password].map(decodeURIComponent).join(':');
  } catch {
    throw unusable(shortText(new URL(origin)), 'has a user or a password with a % that is not written as %25');
  }
}

const shortText = (proxy: URL): string => addressText(proxy).replace(/\/$/, '');

const unusable = (shown: string, what: string): KprofError =>
  new KprofError('failed', `The proxy ${shown} ${what}`, {
    hint: 'proxy-url in the kubeconfig, or else HTTPS_PROXY, has the form http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT',
  });

interface Wanted {
  readonly host?: string;
  readonly port?: string | number;
  /** Who asked no longer waits. */
  readonly until?: AbortSignal;
}

type Done = (error: Error | null, socket?: Duplex) => void;

class HttpTunnel extends HttpAgent {
  readonly proxy: URL;
  readonly trust: AgentOptions;
  constructor(proxy: URL, trust: AgentOptions) {
    super();
    [this.proxy, this.trust] = [proxy, trust];
  }
  override createConnection(wanted: Wanted, done: Done): undefined {
    tunnel(this, wanted).then((socket) => done(null, socket), done);
  }
}

class HttpsTunnel extends HttpsAgent {
  readonly proxy: URL;
  readonly trust: AgentOptions;
  constructor(proxy: URL, trust: AgentOptions) {
    super(trust);
    [this.proxy, this.trust] = [proxy, trust];
  }
  override createConnection(wanted: Wanted, done: Done): undefined {
    const secured = (socket: Socket) => super.createConnection({ ...wanted, socket } as never);
    tunnel(this, wanted).then((socket) => done(null, secured(socket) as Duplex), done);
  }
}

/** A TCP connection to the server, granted by the proxy. */
function tunnel({ proxy, trust }: HttpTunnel | HttpsTunnel, { host = '', port = '', until }: Wanted): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const outgoing = connect(proxy, trust, `${isIP(host) === 6 ? `[${host}]` : host}:${port}`);
  const shown = shortText(new URL(proxy.origin));
  const refuse = (why: string, hint?: string, cause?: unknown) =>
    reject(new KprofError('failed', `The proxy ${shown} ${why}`, { hint: hint ?? 'curl -v --proxy PROXY SERVER tells more', cause }));
  outgoing.setTimeout(connectTimeout, () => outgoing.destroy(new Error(`no answer within ${connectTimeout / 1000}s`)));
  // An answer that nobody waits for would keep the process for as long.
  const leave = () => outgoing.destroy(new Error('it was given up'));
  until?.addEventListener('abort', leave, { once: true });
  const stay = () => until?.removeEventListener('abort', leave);
  outgoing.once('close', stay);
  if (until?.aborted === true) leave();
  outgoing.once('connect', ({ statusCode = 0, statusMessage }, socket, head) => {
    stay();
    socket.setTimeout(0);
    if (statusCode >= 200 && statusCode < 300) {
      if (head.length > 0) socket.unshift(head);
      return resolve(socket);
    }
    socket.destroy();
    if (statusCode === 407) refuse('wants a user and a password', 'they go into its address: http://USER:PASSWORD@HOST:PORT');
    else refuse(`does not connect to ${host}:${port}`, 'NO_PROXY=HOST leaves the proxy out', `${statusCode} ${statusMessage}`);
  });
  outgoing.once('response', ({ statusCode }) => {
    outgoing.destroy();
    refuse('does not understand CONNECT', undefined, `it answered ${statusCode}`);
  });
  outgoing.on('error', (error) => refuse('cannot be reached', undefined, error));
  outgoing.end();
  return promise;
}

function connect(proxy: URL, { ca, rejectUnauthorized }: AgentOptions, path: string): ClientRequest {
  const known = credentials(proxy);
  const authorization = known === ':' ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(known).toString('base64')}` };
  const host = proxy.hostname.replace(/^\[|\]$/g, '');
  const options = { method: 'CONNECT', host, port: proxy.port, path, agent: false as const, headers: { Host: path, ...authorization } };
  if (proxy.protocol === 'http:') return httpRequest({ ...options, port: options.port || 80 });
  // As in kubectl, the cluster's authority counts for an https:// proxy too.
  return httpsRequest({
    ...options,
    port: options.port || 443,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  });
}

// SOCKS is client-node's; it is loaded only for that.
async function socksAgent(server: URL, tls: AgentOptions, proxy: URL): Promise<HttpAgent> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  // As in kubectl, the proxy looks up the name: it may be one that only it knows.
  const proxyUrl = proxy.href.replace(/^socks5?:/, 'socks5h:');
  config.loadFromClusterAndUser(
    { name: 'cluster', server: server.href, skipTLSVerify: tls.rejectUnauthorized === false, proxyUrl },
    { name: 'user' },
  );
  const options: AgentOptions & { agent?: unknown } = { ...tls };
  await config.applyToHTTPSOptions(options as never);
  return options.agent as HttpAgent;
}
