/** Who asks: certificates, tokens, passwords, credential plugins and OIDC, from the `user` of a kubeconfig. */
import { readFile } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import type { Choice } from './choice.ts';
import { askPlugin } from './credential-plugin.ts';
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
  get(): Promise<Credential>;
}

// client-go's own period: kubelet rotates a service account's token in place.
const tokenFileLife = 60_000;

/** Base64 data or a file of a kubeconfig entry; data comes first, as in kubectl. */
export async function material(entry: Entry, key: string): Promise<Uint8Array | undefined> {
  const data = string(entry[`${key}-data`]);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const file = string(entry[key]);
  return file === undefined ? undefined : await readNamed(file, key);
}

async function readNamed(file: string, key: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new KprofError('failed', `The file ${file}, ${key} of the kubeconfig, cannot be read`, { cause: error });
  }
}

/** The source for the user that was chosen. */
export function credentialSource({ user, cluster }: Choice): CredentialSource {
  const certificate = async () => ({ cert: await material(user, 'client-certificate'), key: await material(user, 'client-key') });
  const { token, renew } = bearer(user, cluster);
  return {
    forever: renew === undefined,
    async get() {
      if (renew === undefined) return { ...(await certificate()), authorization: token, staleAt: Number.POSITIVE_INFINITY };
      const { cert, key, ...rest } = await renew();
      return cert === undefined ? { ...(await certificate()), ...rest } : { ...rest, cert, key };
    },
  };
}

interface Bearer {
  readonly token?: string | undefined;
  readonly renew?: () => Promise<Credential>;
}

function bearer(user: Entry, cluster: Entry): Bearer {
  const [tokenFile, token, username] = [string(user['tokenFile']), string(user['token']), string(user['username'])];
  if (tokenFile !== undefined) return { renew: () => fromFile(tokenFile) };
  if (token !== undefined) return { token: `Bearer ${token}` };
  if (Object.keys(mapping(user['exec'])).length > 0) return { renew: () => fromPlugin(user, cluster) };
  if (Object.keys(mapping(user['auth-provider'])).length > 0) return { renew: provider(user) };
  if (username !== undefined) return { token: `Basic ${Buffer.from(`${username}:${string(user['password']) ?? ''}`).toString('base64')}` };
  return {};
}

async function fromFile(path: string): Promise<Credential> {
  const token = (await readNamed(path, 'tokenFile')).toString('utf8').trim();
  return { authorization: `Bearer ${token}`, staleAt: Date.now() + tokenFileLife };
}

async function fromPlugin(user: Entry, cluster: Entry): Promise<Credential> {
  const authority = await material(cluster, 'certificate-authority');
  const { token, certificate, key, staleAt } = await askPlugin({ exec: mapping(user['exec']), cluster, authority });
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
