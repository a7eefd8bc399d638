/** What each request carries: the agent with its TLS, the headers with the credential. */
import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { getCACertificates } from 'node:tls';
import { KprofError } from '../errors.ts';
import type { Choice } from './choice.ts';
import { type Credential, credentialSource, fromFlag, material } from './credentials.ts';
import { headerKey, headerText } from './headers.ts';
import { type Entry, mapping, string } from './kubeconfig.ts';
import { untilAborted } from './until-aborted.ts';

/** What node:http, node:https and ws take for a request. */
export interface RequestSettings {
  readonly agent: HttpAgent;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

/** Settings, kept fresh. */
export interface SettingsSource {
  /** Settings with a credential that is not stale; may run a credential plugin, which ends when nobody waits for it any more. */
  settings(signal?: AbortSignal): Promise<RequestSettings>;
  /** After a 401: drops the credential of these settings; false when another can't be had. */
  refresh(refused: RequestSettings): boolean;
}

/** Where to, and as what. */
export interface Destination {
  readonly server: URL;
  readonly userAgent: string;
  readonly proxy: string | undefined;
  /** Shows what a credential plugin says. */
  readonly say: (text: string) => void;
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
  const renewed = shared(async (signal) => {
    const before = current;
    const credential = await source.get({ signal, say: destination.say }).catch((error: unknown) => {
      throw before === undefined ? error : passing(error);
    });
    current = await renew(build, before, credential);
    return current.settings;
  });
  return {
    async settings(signal) {
      signal?.throwIfAborted();
      return current !== undefined && Date.now() < current.credential.staleAt ? current.settings : renewed(signal);
    },
    refresh(refused) {
      if (source.forever) return false;
      if (current?.settings === refused) current = { ...current, credential: { ...current.credential, staleAt: 0 } };
      return true;
    },
  };
}

/** A login that went well before may go well in a moment: after a night's sleep a plugin has no network yet. */
const passing = (error: unknown): unknown =>
  error instanceof KprofError ? new KprofError(error.failure, error.message, { hint: error.hint, cause: error.cause, lost: true }) : error;

/** One run of the work for all who ask while it runs; it is aborted when the last of them has gone away. */
function shared<T>(work: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal | undefined) => Promise<T> {
  let run: { readonly done: Promise<T>; readonly stop: AbortController; waiting: number } | undefined;
  const begin = () => {
    const stop = new AbortController();
    const done = work(stop.signal).finally(() => {
      if (run === begun) run = undefined;
    });
    const begun = { done, stop, waiting: 0 };
    // Who waits for it is told; one that everybody left has nobody to tell.
    done.catch(() => undefined);
    return begun;
  };
  return async (signal = new AbortController().signal) => {
    run ??= begin();
    const mine = run;
    mine.waiting += 1;
    try {
      return await untilAborted(mine.done, signal);
    } finally {
      mine.waiting -= 1;
      if (mine.waiting === 0) mine.stop.abort(signal.reason);
      if (mine.waiting === 0 && run === mine) run = undefined;
    }
  };
}

type Build = (credential: Credential, agent: HttpAgent | undefined) => Promise<RequestSettings>;

async function renew(build: Build, before: Current | undefined, credential: Credential): Promise<Current> {
  // A new agent only for a new certificate: the old one has warm connections.
  const same = before !== undefined && String(before.credential.cert) === String(credential.cert);
  return { credential, settings: await build(credential, same ? before.settings.agent : undefined) };
}

async function builder({ cluster, user }: Choice, { server, userAgent, proxy }: Destination): Promise<Build> {
  const fixed = { 'User-Agent': userAgent, ...impersonation(user) };
  const tls = await tlsOptions(cluster, server);
  return async ({ cert, key, authorization }, agent) => ({
    agent: agent ?? (await makeAgent(server, { ...tls, cert: buffer(cert), key: buffer(key) }, proxy)),
    headers: { ...fixed, ...(authorization === undefined ? {} : { Authorization: headerText('the credential', authorization) }) },
  });
}

const buffer = (bytes: string | Uint8Array | undefined): Buffer | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes as string);

/** The Impersonate headers of a user. */
export function impersonation(user: Entry): Record<string, string | string[]> {
  const [as, uid, groups] = [string(user['as']), string(user['as-uid']), user['as-groups']];
  if (as === undefined) return {};
  const extra = Object.entries(mapping(user['as-user-extra'])).map(
    ([key, values]) =>
      [`Impersonate-Extra-${headerKey(key)}`, [values].flat().map((value) => headerText(`as-user-extra ${key}`, String(value)))] as const,
  );
  return {
    'Impersonate-User': headerText('--as', as),
    ...(uid === undefined ? {} : { 'Impersonate-Uid': headerText('--as-uid', uid) }),
    ...(Array.isArray(groups) && groups.length > 0
      ? { 'Impersonate-Group': groups.map((group) => headerText('--as-group', String(group))) }
      : {}),
    ...Object.fromEntries(extra),
  };
}

async function tlsOptions(cluster: Entry, server: URL): Promise<AgentOptions> {
  const authority = await material(cluster, 'certificate-authority');
  checkAuthority(authority, string(cluster[`certificate-authority${fromFlag}`]));
  const name = string(cluster['tls-server-name']);
  const insecure = cluster['insecure-skip-tls-verify'] === true;
  const ca = authority === undefined ? (insecure || server.protocol === 'http:' ? undefined : usualAuthorities()) : Buffer.from(authority);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(name === undefined ? {} : { servername: name }),
    ...(insecure ? { rejectUnauthorized: false } : {}),
  };
}

function checkAuthority(authority: Uint8Array | undefined, flag: string | undefined): void {
  if (authority === undefined || flag === undefined || Buffer.from(authority).includes('-----BEGIN ')) return;
  throw new KprofError('usage', `The file of --certificate-authority ${flag} holds no certificate`, {
    hint: 'a certificate in PEM form begins with -----BEGIN CERTIFICATE-----',
  });
}

// kubectl trusts what the machine trusts, such as a company's own authority; Node alone trusts Mozilla's list.
const usualAuthorities = (): string[] => [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];

// A free connection is dropped before a load balancer does it: a PATCH must not go into a closed one.
const pool = { keepAlive: true, keepAliveMsecs: 30_000, timeout: 5000 };

async function makeAgent(server: URL, tls: AgentOptions, proxy: string | undefined): Promise<HttpAgent> {
  if (proxy === undefined) return server.protocol === 'http:' ? new HttpAgent(pool) : new HttpsAgent({ ...pool, ...tls });
  const { proxyAgent } = await import('./proxy-agent.ts');
  return proxyAgent(server, tls, proxy);
}
