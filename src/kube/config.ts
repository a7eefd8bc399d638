/** From kubectl's flags and files to a connection: where the API server is, and what a request to it carries. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KprofError } from '../errors.ts';
import { parseDuration } from '../flags.ts';
import { type ConnectionOptions, choose } from './choice.ts';
import { type Entry, type Kubeconfig, readKubeconfig, string } from './kubeconfig.ts';
import { proxyFor } from './proxy.ts';
import { openSettings, type SettingsSource } from './settings.ts';
import type { Trace } from './trace.ts';

/** An API server, and who asks it. */
export interface Connection extends SettingsSource {
  /** With the path that a proxy such as Rancher puts before the API's own. */
  readonly server: URL;
  readonly namespace: string;
  readonly context: string | undefined;
  /** Absolute paths of the files that were read; none inside a pod. */
  readonly kubeconfigs?: readonly string[];
  /** Limit for a request in milliseconds; 0 is none, undefined is up to the caller. */
  readonly timeout: number | undefined;
  /** Absent when nobody wants to see the requests. */
  readonly trace?: Trace | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the connection is described, besides the flags. */
export interface Surroundings {
  readonly environment?: Environment;
  /** Folder of the service account that kubelet mounts into pods. */
  readonly serviceAccount?: string;
  /** `kprof/VERSION TOOL`. */
  readonly userAgent?: string;
  /** Shows what a credential plugin says. */
  readonly say?: (text: string) => void;
  readonly trace?: Trace | undefined;
}

/** The connection that kubectl would make with the same flags. */
export async function loadConnection(
  options: ConnectionOptions,
  {
    environment = process.env,
    serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount',
    userAgent = 'kprof',
    say = () => undefined,
    trace,
  }: Surroundings = {},
): Promise<Connection> {
  const read = await readKubeconfig(options.kubeconfig, environment, options.kubeconfigs);
  const config =
    read.clusters.size > 0 || read.contexts.size > 0 || options.server !== undefined
      ? read
      : ((await inCluster(environment, serviceAccount)) ?? read);
  const choice = choose(config, options);
  const server = serverUrl(choice.cluster);
  const proxy = string(choice.cluster['proxy-url']) ?? proxyFor(server, environment);
  const { settings, refresh } = await openSettings(choice, { server, userAgent, proxy, say });
  return {
    server,
    namespace: choice.namespace,
    context: choice.context === inClusterName ? undefined : choice.context,
    kubeconfigs: config.used,
    timeout: parseTimeout(options.requestTimeout),
    trace,
    settings,
    refresh,
  };
}

const inClusterName = 'service account of this pod';

async function inCluster(environment: Environment, folder: string): Promise<Kubeconfig | undefined> {
  const [host, port] = [environment['KUBERNETES_SERVICE_HOST'], environment['KUBERNETES_SERVICE_PORT'] ?? '443'];
  const tokenFile = join(folder, 'token');
  if (host === undefined || host === '' || !(await exists(tokenFile))) return undefined;
  const namespace = await readFile(join(folder, 'namespace'), 'utf8').catch(() => '');
  const cluster = { server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, 'certificate-authority': join(folder, 'ca.crt') };
  const one = (entry: Entry) => new Map([[inClusterName, entry]]);
  const context = { cluster: inClusterName, user: inClusterName, namespace: namespace.trim() };
  return {
    currentContext: inClusterName,
    contexts: one(context),
    clusters: one(cluster),
    users: one({ tokenFile }),
    files: [tokenFile],
    used: [],
    found: true,
  };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

function serverUrl(cluster: Entry): URL {
  const typed = string(cluster['server']) ?? '';
  const secured = string(cluster['certificate-authority']) ?? string(cluster['certificate-authority-data']);
  const url = URL.parse(typed.includes('://') ? typed : `${secured === undefined ? 'http' : 'https'}://${typed}`);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new KprofError('failed', `The server "${typed.replace(/\/\/[^/]*@/, '//')}" is no http:// or https:// address`, {
      hint: 'kubectl config view --minify shows it; --server https://HOST:PORT names another',
    });
  return url;
}

/** Milliseconds of kubectl's --request-timeout: a number is seconds. */
export function parseTimeout(typed: string | undefined): number | undefined {
  if (typed === undefined) return undefined;
  const parsed = parseDuration(typed);
  if (parsed === undefined)
    throw new KprofError('usage', `--request-timeout=${typed} is no duration`, { hint: 'such as 30s or 1m30s; 0 is none' });
  return parsed;
}
