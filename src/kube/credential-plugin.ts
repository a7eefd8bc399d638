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

/** How a plugin is run. */
export interface Running {
  /** Ends it: nobody waits for its answer any more. */
  readonly signal: AbortSignal;
  /** Shows what it writes to stderr at once, since it may be a question. */
  readonly say: (text: string) => void;
}

// Some wait for a person in a browser; none needs longer, nor more words.
const longestRun = 300_000;
const longestAnswer = 1024 * 1024;

/** Runs the plugin. Its arguments are in no error: secrets are among them. */
export async function askPlugin(plugin: Plugin, { signal, say }: Running, limit: number = longestRun): Promise<PluginCredential> {
  const { exec } = plugin;
  const command = string(exec['command']);
  if (command === undefined)
    throw new KprofError('failed', "The kubeconfig's credential plugin (user.exec) has no command", { hint: byHand });
  const interactive = isInteractive(exec, command);
  const { execa } = await import('execa');
  const child = execa(command, words(exec['args']), {
    stdin: interactive ? 'inherit' : 'ignore',
    env: { ...variables(exec['env']), KUBERNETES_EXEC_INFO: executionRequest(plugin, interactive) },
    reject: false,
    buffer: { stderr: false },
    maxBuffer: longestAnswer,
    forceKillAfterDelay: 1000,
  });
  child.stderr.setEncoding('utf8').on('data', say);
  // What it started itself may hold the pipes for longer than it lives.
  const end = () => {
    child.kill();
    child.stdout.destroy();
    child.stderr.destroy();
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, limit);
  signal.addEventListener('abort', end, { once: true });
  const result = await child;
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  if (timedOut)
    throw new KprofError('timeout', `The credential plugin ${command} gave no answer within ${limit / 1000}s`, { hint: byHand });
  return parseCredential(command, answered(command, result, exec), exec['apiVersion'], Date.now());
}

const byHand = 'see what kubectl makes of the same login: kubectl auth whoami';

interface Result {
  readonly failed: boolean;
  readonly code?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly isMaxBuffer: boolean;
  readonly stdout: string;
}

function answered(command: string, result: Result, exec: Entry): string {
  const { code, exitCode, signal, isMaxBuffer } = result;
  if (!result.failed) return result.stdout;
  // A folder in PATH that may not be read makes it EACCES.
  if (code === 'ENOENT' || (code === 'EACCES' && !/[/\\]/.test(command)))
    throw new KprofError('failed', `The credential plugin ${command} is not installed`, {
      hint: string(exec['installHint'])?.trim() ?? `${command} is what the kubeconfig logs in with`,
    });
  const cause = isMaxBuffer
    ? 'it printed more than a megabyte'
    : exitCode === undefined
      ? (signal ?? code ?? 'it did not start')
      : `exit code ${exitCode}`;
  throw new KprofError('failed', `The credential plugin ${command} failed`, { cause, hint: byHand });
}

function isInteractive(exec: Entry, command: string): boolean {
  const mode = string(exec['interactiveMode']) ?? 'IfAvailable';
  const terminal = process.stdin.isTTY === true;
  if (mode === 'Always' && !terminal)
    throw new KprofError('failed', `The credential plugin ${command} wants to ask, and there is no terminal`, {
      hint: `run kprof on a terminal, or log in with ${command} before`,
    });
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
      { hint: `update ${command}, or write its apiVersion into user.exec of the kubeconfig` },
    );
  const status = mapping(answer['status']);
  const [token, certificate, key] = [string(status['token']), string(status['clientCertificateData']), string(status['clientKeyData'])];
  if (token === undefined && (certificate === undefined || key === undefined))
    throw new KprofError('failed', `The credential plugin ${command} gave neither a token nor a certificate`, { hint: byHand });
  return { token, certificate, key, staleAt: staleAt(string(status['expirationTimestamp']), now) };
}

function parseJson(command: string, stdout: string): Entry {
  try {
    return mapping(JSON.parse(stdout));
  } catch {
    // The text is not repeated: it may hold half a token.
    throw new KprofError('failed', `What the credential plugin ${command} printed is no ExecCredential`, { hint: byHand });
  }
}

// A minute early, so that no request goes out with a token that ends on the way; a short-lived one lives half its time.
// One that is over as soon as it comes tells of clocks that differ, not of its age: then the server's 401 says when it ends.
function staleAt(expiration: string | undefined, now: number): number {
  const expires = expiration === undefined ? Number.NaN : Date.parse(expiration);
  if (Number.isNaN(expires) || expires <= now) return Number.POSITIVE_INFINITY;
  return expires - Math.min(60_000, (expires - now) / 2);
}
