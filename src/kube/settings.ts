/** What each request carries: the agent with its TLS, the headers with the credential. */
import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { getCACertificates } from 'node:tls';
import type { Choice } from './choice.ts';
import { type Credential, type CredentialSource, credentialSource, material } from './credentials.ts';
import { type Entry, mapping, string } from './kubeconfig.ts';

/** What node:http, node:https and ws take for a request. */
export interface RequestSettings {
  readonly agent: HttpAgent;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

/** Settings, kept fresh. */
export interface SettingsSource {
  /** Settings with a credential that is not stale; may run a credential plugin. */
  settings(): Promise<RequestSettings>;
  /** After a 401: drops the credential of these settings; false when another can't be had. */
  refresh(refused: RequestSettings): boolean;
}

/** Where to, and as what. */
export interface Destination {
  readonly server: URL;
  readonly userAgent: string;
  readonly proxy: string | undefined;
}

interface Current {
  readonly credential: Credential;
  readonly settings: RequestSettings;
}

/** The settings for the cluster and user that were chosen. */
export async function openSettings(choice: Choice, destination: Destination): Promise<SettingsSource> {
  const source = credentialSource(choice);
  const build = await builder(choice, destination);
  let current: Current | undefined;
  // One plugin at a time, however many ask.
  let pending: Promise<Current> | undefined;
  return {
    async settings() {
      if (current !== undefined && Date.now() < current.credential.staleAt) return current.settings;
      pending ??= renew(source, build, current).finally(() => {
        pending = undefined;
      });
      current = await pending;
      return current.settings;
    },
    refresh(refused) {
      if (source.forever) return false;
      if (current?.settings === refused) current = { ...current, credential: { ...current.credential, staleAt: 0 } };
      return true;
    },
  };
}

type Build = (credential: Credential, agent: HttpAgent | undefined) => Promise<RequestSettings>;

async function renew(source: CredentialSource, build: Build, before: Current | undefined): Promise<Current> {
  const credential = await source.get();
  // A new agent only for a new certificate: the old one has warm connections.
  const same = before !== undefined && String(before.credential.cert) === String(credential.cert);
  return { credential, settings: await build(credential, same ? before.settings.agent : undefined) };
}

async function builder({ cluster, user }: Choice, { server, userAgent, proxy }: Destination): Promise<Build> {
  const fixed = { 'User-Agent': userAgent, ...impersonation(user) };
  const tls = await tlsOptions(cluster, server);
  return async ({ cert, key, authorization }, agent) => ({
    agent: agent ?? (await makeAgent(server, { ...tls, cert: buffer(cert), key: buffer(key) }, proxy)),
    headers: { ...fixed, ...(authorization === undefined ? {} : { Authorization: authorization }) },
  });
}

const buffer = (bytes: string | Uint8Array | undefined): Buffer | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes as string);

/** The Impersonate headers of a user. */
export function impersonation(user: Entry): Record<string, string | string[]> {
  const [as, uid, groups] = [string(user['as']), string(user['as-uid']), user['as-groups']];
  if (as === undefined) return {};
  const extra = Object.entries(mapping(user['as-user-extra'])).map(
    ([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key.toLowerCase())}`, [values].flat().map(String)] as const,
  );
  return {
    'Impersonate-User': as,
    ...(uid === undefined ? {} : { 'Impersonate-Uid': uid }),
    ...(Array.isArray(groups) && groups.length > 0 ? { 'Impersonate-Group': groups.map(String) } : {}),
    ...Object.fromEntries(extra),
  };
}

async function tlsOptions(cluster: Entry, server: URL): Promise<AgentOptions> {
  const authority = await material(cluster, 'certificate-authority');
  const name = string(cluster['tls-server-name']);
  const insecure = cluster['insecure-skip-tls-verify'] === true;
  const ca = authority === undefined ? (insecure || server.protocol === 'http:' ? undefined : usualAuthorities()) : Buffer.from(authority);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(name === undefined ? {} : { servername: name }),
    ...(insecure ? { rejectUnauthorized: false } : {}),
  };
}

// kubectl trusts what the machine trusts, such as a company's own authority; Node alone trusts Mozilla's list.
const usualAuthorities = (): string[] => [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];

// A free connection is dropped before a load balancer does it: a PATCH must not go into a closed one.
const pool = { keepAlive: true, keepAliveMsecs: 30_000, timeout: 5000 };

async function makeAgent(server: URL, tls: AgentOptions, proxy: string | undefined): Promise<HttpAgent> {
  if (proxy !== undefined) return proxyAgent(server, tls, proxy);
  return server.protocol === 'http:' ? new HttpAgent(pool) : new HttpsAgent({ ...pool, ...tls });
}

// http, https and socks proxies are client-node's; it is loaded only for them.
async function proxyAgent(server: URL, tls: AgentOptions, proxyUrl: string): Promise<HttpAgent> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'cluster', server: server.href, skipTLSVerify: tls.rejectUnauthorized === false, proxyUrl },
    { name: 'user' },
  );
  const options: AgentOptions & { agent?: unknown } = { ...tls };
  await config.applyToHTTPSOptions(options as never);
  return options.agent as HttpAgent;
}
