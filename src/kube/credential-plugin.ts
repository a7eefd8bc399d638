/**
 * Credential plugins (`user.exec`): client-node's ExecAuth gives them no KUBERNETES_EXEC_INFO, no terminal,
 * hides what they print until they fail, and keeps their first answer whatever the server thinks of it.
 */
import { KprofError } from '../errors.ts';
import { type Entry, mapping, string } from './kubeconfig.ts';

/** What a plugin gives. */
export interface PluginCredential {
  readonly token: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** On this machine's clock, in milliseconds; when to ask again. */
  readonly staleAt: number;
}

/** The `exec` of a user, with the cluster that it is for. */
export interface Plugin {
  readonly exec: Entry;
  readonly cluster: Entry;
  /** The certificate authority, already read. */
  readonly authority: string | Uint8Array | undefined;
}

const clusterExtension = 'client.authentication.k8s.io/exec';

/** The value of KUBERNETES_EXEC_INFO. */
export function executionRequest({ exec, cluster, authority }: Plugin, interactive: boolean): string {
  const extensions = Array.isArray(cluster['extensions']) ? cluster['extensions'].map(mapping) : [];
  const seen = {
    server: cluster['server'],
    'tls-server-name': cluster['tls-server-name'],
    'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
    'certificate-authority-data': authority === undefined ? undefined : Buffer.from(authority).toString('base64'),
    'proxy-url': cluster['proxy-url'],
    config: extensions.find((extension) => extension['name'] === clusterExtension)?.['extension'],
  };
  const spec = { ...(exec['provideClusterInfo'] === true ? { cluster: seen } : {}), interactive };
  return JSON.stringify({ apiVersion: exec['apiVersion'], kind: 'ExecCredential', spec });
}

/** Runs the plugin; what it writes to stderr goes to ours at once, since it may be a question. */
export async function askPlugin(plugin: Plugin): Promise<PluginCredential> {
  const { exec } = plugin;
  const command = string(exec['command']);
  if (command === undefined) throw new KprofError('failed', "The kubeconfig's credential plugin (user.exec) has no command");
  const interactive = isInteractive(exec, command);
  const { execa } = await import('execa');
  const result = await execa(command, words(exec['args']), {
    stdin: interactive ? 'inherit' : 'ignore',
    stderr: 'inherit',
    env: { ...variables(exec['env']), KUBERNETES_EXEC_INFO: executionRequest(plugin, interactive) },
    reject: false,
  });
  if (result.code === 'ENOENT')
    throw new KprofError('failed', `The credential plugin ${command} is not installed`, {
      hint: string(exec['installHint'])?.trim() ?? `${command} is what the kubeconfig logs in with`,
    });
  if (result.failed)
    throw new KprofError('failed', `The credential plugin ${command} failed`, {
      cause: result.shortMessage,
      hint: `what it said is above; run it by hand: ${[command, ...words(exec['args'])].join(' ')}`,
    });
  return parseCredential(command, result.stdout, exec['apiVersion'], Date.now());
}

function isInteractive(exec: Entry, command: string): boolean {
  const mode = string(exec['interactiveMode']) ?? 'IfAvailable';
  const terminal = process.stdin.isTTY === true;
  if (mode === 'Always' && !terminal)
    throw new KprofError('failed', `The credential plugin ${command} wants to ask, and there is no terminal`);
  return terminal && mode !== 'Never';
}

const words = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

const variables = (value: unknown): Record<string, string> =>
  Object.fromEntries((Array.isArray(value) ? value.map(mapping) : []).map(({ name, value: text }) => [String(name), String(text ?? '')]));

/** Reads an ExecCredential. */
export function parseCredential(command: string, stdout: string, apiVersion: unknown, now: number): PluginCredential {
  const answer = parseJson(command, stdout);
  // kubectl refuses it too: the plugin has another contract than the kubeconfig says.
  if (answer['apiVersion'] !== apiVersion)
    throw new KprofError(
      'failed',
      `The credential plugin ${command} answered in ${String(answer['apiVersion'])}, and the kubeconfig expects ${String(apiVersion)}`,
    );
  const status = mapping(answer['status']);
  const [token, certificate, key] = [string(status['token']), string(status['clientCertificateData']), string(status['clientKeyData'])];
  if (token === undefined && (certificate === undefined || key === undefined))
    throw new KprofError('failed', `The credential plugin ${command} gave neither a token nor a certificate`);
  return { token, certificate, key, staleAt: staleAt(string(status['expirationTimestamp']), now) };
}

function parseJson(command: string, stdout: string): Entry {
  try {
    return mapping(JSON.parse(stdout));
  } catch {
    // The text is not repeated: it may hold half a token.
    throw new KprofError('failed', `What the credential plugin ${command} printed is no ExecCredential`);
  }
}

// A minute early, so that no request goes out with a token that ends on the way; a short-lived one lives half its time.
function staleAt(expiration: string | undefined, now: number): number {
  const expires = expiration === undefined ? Number.NaN : Date.parse(expiration);
  return Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires - Math.min(60_000, Math.max(0, expires - now) / 2);
}
