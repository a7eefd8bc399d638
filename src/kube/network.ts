/** What the network and TLS say, in words for the person at the terminal. */
import { KprofError } from '../errors.ts';
import { ApiError } from './errors.ts';
import { addressText } from './trace.ts';

const networkReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up now',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no network to it',
  ECONNRESET: 'it dropped the connection',
  EPIPE: 'it dropped the connection',
};

const selfSigned = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

const expired = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** The error code of Node, of the error itself or of one of those it gathers (both addresses of a host refused). */
export function networkCode(error: unknown): string | undefined {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: readonly { code?: unknown }[] };
  const found = typeof code === 'string' && code !== '' ? code : errors?.[0]?.code;
  return typeof found === 'string' ? found : undefined;
}

/** The error for a request that got no answer. */
export function unreachable(server: URL, error: unknown): ApiError {
  const code = networkCode(error);
  const address = addressText(server).replace(/\/$/, '');
  const more = { cause: error, code: 0 };
  // A proxy says for itself what is wrong.
  if (error instanceof KprofError) return new ApiError(error.failure, error.message, { hint: error.hint, cause: error.cause, code: 0 });
  if (code !== undefined && selfSigned.has(code))
    return new ApiError('failed', `The certificate of ${address} is not signed by an authority that is trusted here`, {
      ...more,
      hint: '--certificate-authority FILE names the authority, as certificate-authority in the kubeconfig does',
    });
  if (code !== undefined && expired.has(code))
    return new ApiError('failed', `The certificate of ${address} ${code === 'CERT_NOT_YET_VALID' ? 'is not valid yet' : 'has expired'}`, {
      ...more,
      hint: `is this machine's clock right? It says ${new Date().toISOString()}`,
    });
  if (code?.startsWith('ERR_OSSL') === true)
    return new ApiError('failed', 'The client certificate or key of the kubeconfig cannot be used', {
      ...more,
      hint: 'kubectl config view --minify: client-certificate and client-key have to be in PEM form, and of one pair',
    });
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return new ApiError('failed', `The certificate of ${address} is for another name`, {
      ...more,
      hint: '--tls-server-name NAME says which one to expect',
    });
  if (code?.startsWith('ERR_SSL') === true || code === 'EPROTO')
    return new ApiError('failed', `The TLS handshake with ${address} failed`, { ...more, hint: 'is it http:// that is spoken there?' });
  if (code === undefined)
    return new ApiError('failed', `The connection to the API server ${address} failed`, { ...more, hint: 'kubectl cluster-info' });
  const reason = networkReasons[code];
  return new ApiError('failed', `Cannot reach the API server ${address}${reason === undefined ? '' : `: ${reason}`}`, {
    ...more,
    hint: 'kubectl cluster-info',
  });
}
