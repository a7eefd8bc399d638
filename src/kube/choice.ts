/** Which cluster, user and namespace of a kubeconfig is meant, once kubectl's connection flags are laid over it. */
import { resolve } from 'node:path';
import { KprofError } from '../errors.ts';
import { byDistance } from '../nearest.ts';
import { fromFlag } from './credentials.ts';
import { type Entry, type Kubeconfig, string } from './kubeconfig.ts';
import { checkNamespace } from './names.ts';

/** kubectl's connection flags. */
export interface ConnectionOptions {
  readonly kubeconfig?: string | undefined;
  /** Absolute paths of those that a capture used: without a flag they are meant, whatever the environment says now. */
  readonly kubeconfigs?: readonly string[] | undefined;
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly namespace?: string | undefined;
  readonly as?: string | undefined;
  readonly asGroup?: readonly string[] | undefined;
  readonly asUid?: string | undefined;
  readonly token?: string | undefined;
  readonly server?: string | undefined;
  readonly tlsServerName?: string | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  readonly certificateAuthority?: string | undefined;
  /** As typed: `30`, `30s`, `1m30s`; 0 is none. */
  readonly requestTimeout?: string | undefined;
}

/** What is connected to, and as whom: the entries of the kubeconfig, with the flags in them. */
export interface Choice {
  readonly context: string | undefined;
  readonly namespace: string;
  readonly cluster: Entry;
  readonly user: Entry;
}

/** The choice, or an error that says what is missing. */
export function choose(config: Kubeconfig, options: ConnectionOptions): Choice {
  const context = options.context ?? config.currentContext;
  const chosen = context === undefined ? undefined : contextNamed(context, config);
  const cluster = named('cluster', options.cluster ?? string(chosen?.['cluster']), config.clusters, context) ?? {};
  const user = named('user', options.user ?? string(chosen?.['user']), config.users, context) ?? {};
  if (string(cluster['server']) === undefined && options.server === undefined) throw nowhere(config, context);
  return {
    context,
    namespace: checkNamespace(options.namespace ?? string(chosen?.['namespace']) ?? 'default'),
    cluster: withClusterFlags(cluster, options),
    user: withUserFlags(user, options),
  };
}

function contextNamed(name: string, { contexts }: Kubeconfig): Entry {
  const context = contexts.get(name);
  if (context !== undefined) return context;
  const known = byDistance(name, [...contexts.keys()]);
  throw new KprofError('usage', `There is no context "${name}" in the kubeconfig`, {
    hint: known.length === 0 ? 'it has no contexts' : `it has ${shown(known)}`,
  });
}

const shown = (names: readonly string[]): string =>
  `${names.slice(0, 8).join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`;

function named(
  kind: 'cluster' | 'user',
  name: string | undefined,
  known: ReadonlyMap<string, Entry>,
  context: string | undefined,
): Entry | undefined {
  if (name === undefined) return undefined;
  const entry = known.get(name);
  if (entry !== undefined) return entry;
  const by = context === undefined ? '' : ` that the context "${context}" names`;
  throw new KprofError('usage', `There is no ${kind} "${name}"${by} in the kubeconfig`, {
    hint: known.size === 0 ? `it has no ${kind}s` : `it has ${shown(byDistance(name, [...known.keys()]))}`,
  });
}

function nowhere({ found, files, contexts }: Kubeconfig, context: string | undefined): KprofError {
  const where = files.length === 0 ? '$KUBECONFIG and ~/.kube/config' : files.join(', ');
  if (!found)
    return new KprofError('failed', `No kubeconfig found; looked at ${where}`, {
      hint: '--kubeconfig FILE names one; kprof reads the same as kubectl',
    });
  if (context !== undefined)
    return new KprofError('failed', `The context "${context}" of the kubeconfig has no cluster with a server`, {
      hint: 'kubectl config view --minify',
    });
  const names = [...contexts.keys()];
  return new KprofError('failed', `The kubeconfig has no current context (${where})`, {
    hint: names.length === 0 ? '--kubeconfig FILE names another' : `--context NAME, of ${shown(names)}`,
  });
}

// As in kubectl, a flag for the authority replaces file and data, and `insecure` drops both.
function withClusterFlags(
  cluster: Entry,
  { server, tlsServerName, insecureSkipTlsVerify, certificateAuthority }: ConnectionOptions,
): Entry {
  const authority =
    certificateAuthority !== undefined
      ? {
          'certificate-authority': resolve(certificateAuthority),
          [`certificate-authority${fromFlag}`]: certificateAuthority,
          'certificate-authority-data': undefined,
          'insecure-skip-tls-verify': undefined,
        }
      : {};
  const insecure =
    insecureSkipTlsVerify === true
      ? { 'insecure-skip-tls-verify': true, 'certificate-authority': undefined, 'certificate-authority-data': undefined }
      : {};
  // The name in the kubeconfig is that of its own server.
  const address = server === undefined ? {} : { server, 'tls-server-name': undefined };
  return {
    ...cluster,
    ...address,
    ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
    ...authority,
    ...insecure,
  };
}

function withUserFlags(user: Entry, { token, as, asGroup = [], asUid }: ConnectionOptions): Entry {
  const bearer =
    token === undefined ? {} : { token, tokenFile: undefined, exec: undefined, 'auth-provider': undefined, username: undefined };
  const impersonated = as === undefined ? {} : { as, 'as-groups': undefined, 'as-uid': undefined, 'as-user-extra': undefined };
  const groups = asGroup.length === 0 ? {} : { 'as-groups': asGroup };
  const merged: Entry = { ...user, ...bearer, ...impersonated, ...groups, ...(asUid === undefined ? {} : { 'as-uid': asUid }) };
  if (string(merged['as']) === undefined && (asGroup.length > 0 || asUid !== undefined))
    throw new KprofError('usage', `--as-${asUid === undefined ? 'group' : 'uid'} needs --as`, { hint: 'say who it is: --as USER' });
  return merged;
}
