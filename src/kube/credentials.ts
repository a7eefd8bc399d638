/** Who asks: certificates, tokens, passwords, credential plugins and OIDC, from the `user` of a kubeconfig. */
import { readFile } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import { shellWord } from '../safe.ts';
import type { Choice } from './choice.ts';
import { askPlugin, type Running } from './credential-plugin.ts';
import { type Entry, mapping, string } from './kubeconfig.ts';

/** What goes into a request, and into the TLS handshake. */
export interface Credential {
  readonly authorization?: string | undefined;
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** On this machine's clock; when it is to be had again. */
  readonly staleAt: number;
}

/** Gives a credential; `forever` when another one can't be had. */
export interface CredentialSource {
  readonly forever: boolean;
  get(running: Running): Promise<Credential>;
}

// client-go's own period: kubelet rotates a service account's token in place.
const tokenFileLife = 60_000;

/** Base64 data or a file of a kubeconfig entry; data comes first, as in kubectl. */
export async function material(entry: Entry, key: string): Promise<Uint8Array | undefined> {
  const data = string(entry[`${key}-data`]);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const [file, flag] = [string(entry[key]), string(entry[`${key}${fromFlag}`])];
  if (file === undefined) return undefined;
  return readNamed(file, flag === undefined ? `The file ${file}, ${key} of the kubeconfig,` : `The file of --${key} ${flag}`);
}

/** Behind the key of a file: the entry that keeps what was typed, where the file was named by a flag. */
export const fromFlag = ' (flag)';

async function readNamed(file: string, named: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new KprofError(named.startsWith('The file of --') ? 'usage' : 'failed', `${named} cannot be read`, {
      cause: error,
      hint: `ls -l ${shellWord(file)}`,
    });
  }
}

/** The source for the user that was chosen. */
export function credentialSource({ user, cluster }: Choice): CredentialSource {
  const certificate = async () => ({ cert: await material(user, 'client-certificate'), key: await material(user, 'client-key') });
  const { token, renew } = bearer(user, cluster);
  return {
    forever: renew === undefined,
    async get(running) {
      if (renew === undefined) return { ...(await certificate()), authorization: token, staleAt: Number.POSITIVE_INFINITY };
      const { cert, key, ...rest } = await renew(running);
      return cert === undefined ? { ...(await certificate()), ...rest } : { ...rest, cert, key };
    },
  };
}

interface Bearer {
  readonly token?: string | undefined;
  readonly renew?: (running: Running) => Promise<Credential>;
}

function bearer(user: Entry, cluster: Entry): Bearer {
  const [tokenFile, token, username] = [string(user['tokenFile']), string(user['token']), string(user['username'])];
  if (tokenFile !== undefined) return { renew: () => fromFile(tokenFile) };
  if (token !== undefined) return { token: `Bearer ${token}` };
  if (Object.keys(mapping(user['exec'])).length > 0) return { renew: (running) => fromPlugin(user, cluster, running) };
  if (Object.keys(mapping(user['auth-provider'])).length > 0) return { renew: provider(user) };
  if (username !== undefined) return { token: `Basic ${Buffer.from(`${username}:${string(user['password']) ?? ''}`).toString('base64')}` };
  return {};
}

async function fromFile(path: string): Promise<Credential> {
  const token = (await readNamed(path, `The file ${path}, tokenFile of the kubeconfig,`)).toString('utf8').trim();
  return { authorization: `Bearer ${token}`, staleAt: Date.now() + tokenFileLife };
}

async function fromPlugin(user: Entry, cluster: Entry, running: Running): Promise<Credential> {
  const authority = await material(cluster, 'certificate-authority');
  const { token, certificate, key, staleAt } = await askPlugin({ exec: mapping(user['exec']), cluster, authority }, running);
  return { authorization: token === undefined ? undefined : `Bearer ${token}`, cert: certificate, key, staleAt };
}

function provider(user: Entry): () => Promise<Credential> {
  const named = mapping(user['auth-provider']);
  const name = string(named['name']) ?? '';
  // kubectl itself dropped them in 1.26; client-node's stand-in runs a command line through a shell.
  if (name !== 'oidc')
    throw new KprofError('failed', `The kubeconfig logs in with the auth-provider "${name}", which kubectl has dropped too`, {
      hint:
        name === 'gcp'
          ? 'gke-gcloud-auth-plugin: gcloud container clusters get-credentials CLUSTER'
          : 'log in with a credential plugin (user.exec), such as kubelogin',
    });
  // client-node writes the renewed tokens into this object: a refresh token often works only once.
  const account = { name: 'user', authProvider: { name, config: { ...mapping(named['config']) } } };
  return () => fromOidc(account);
}

async function fromOidc(account: object): Promise<Credential> {
  const hint = 'log in again, or use kubelogin (kubectl oidc-login)';
  const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js');
  const headers: Record<string, string> = {};
  try {
    // A new one each time reads the expiry from the token itself; after a renewal its own is off.
    await new OpenIDConnectAuth().applyAuthentication(account as never, { headers } as never);
  } catch (error) {
    throw new KprofError('failed', 'The OIDC login of the kubeconfig cannot be renewed', { cause: error, hint });
  }
  const authorization = headers['Authorization'];
  if (authorization === undefined) throw new KprofError('failed', 'The OIDC login of the kubeconfig has expired', { hint });
  return { authorization, staleAt: Date.now() + tokenFileLife };
}
