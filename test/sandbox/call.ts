/** A request as authorization sees it (k8s.io/apiserver pkg/endpoints/request). */
import type { IncomingMessage } from 'node:http';

export interface Call {
  readonly verb: string;
  readonly method: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly query: URLSearchParams;
  /** Path and query. */
  readonly url: string;
  readonly path: string;
  readonly user: string;
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** Takes the path of a request apart; for what is no resource, `resource` is empty. */
export function readCall({ method = 'GET', url = '/' }: IncomingMessage, user: string): Call {
  const { pathname, searchParams: query } = new URL(url, 'https://sandbox');
  const words = pathname
    .split('/')
    .filter((word) => word !== '')
    .map(decodeURIComponent);
  const base = { method, query, url, path: pathname, user };
  const isCore = words[0] === 'api' && words.length > 2;
  if (!isCore && !(words[0] === 'apis' && words.length > 3)) return { ...base, verb: method.toLowerCase(), group: '', resource: '' };
  const group = isCore ? '' : (words[1] ?? '');
  const rest = words.slice(isCore ? 2 : 3);
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2;
  const [resource = '', name, subresource] = inNamespace ? rest.slice(2) : rest;
  // A namespace counts as being in itself.
  const namespace = inNamespace || resource === 'namespaces' ? rest[1] : undefined;
  const many = name === undefined;
  const verb =
    method === 'GET' ? (query.get('watch') === 'true' || query.get('watch') === '1' ? 'watch' : many ? 'list' : 'get') : verbs[method];
  return {
    ...base,
    verb: many && verb === 'delete' ? 'deletecollection' : (verb ?? method.toLowerCase()),
    group,
    resource,
    subresource,
    namespace,
    name,
  };
}
