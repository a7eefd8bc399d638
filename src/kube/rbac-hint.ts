/** What RBAC refuses, and the Role that would allow it. */
import type { Explanation } from './admission.ts';

/** What a 403 says: who may not do what. */
export interface Denied {
  readonly user: string;
  readonly verb: string;
  /** With its subresource: `pods/exec`. */
  readonly resource: string;
  readonly group: string;
  /** Undefined for what is not in a namespace. */
  readonly namespace: string | undefined;
}

const sentence = /User "((?:[^"\\]|\\.)*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)")?/;

/** Reads the sentence that the API server writes for a 403 of RBAC. */
export function parseDenied(said: string): Denied | undefined {
  const match = sentence.exec(said);
  if (match === null) return undefined;
  const [, user = '', verb = '', resource = '', group = '', namespace] = match;
  return { user, verb, resource, group, namespace };
}

// JSON strings are YAML strings: nothing in a user's name can end the quotes.
const quoted = (text: string): string => JSON.stringify(text);

function subject(user: string | undefined): string {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):(.+)$/.exec(user ?? '') ?? [];
  if (namespace !== undefined && name !== undefined)
    return `{ kind: ServiceAccount, name: ${quoted(name)}, namespace: ${quoted(namespace)} }`;
  return `{ kind: User, name: ${quoted(user ?? 'NAME')}, apiGroup: rbac.authorization.k8s.io }`;
}

/** A Role with all that kprof needs and its binding, to paste. */
export function roleYaml(namespace = 'NAMESPACE', user?: string, denied?: Denied): string {
  const usual = ['pods', 'pods/ephemeralcontainers', 'pods/exec', 'pods/portforward'];
  const { group, resource, verb } = denied ?? { group: '', resource: 'pods', verb: '' };
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: Role',
    `metadata: { name: kprof, namespace: ${quoted(namespace)} }`,
    'rules:',
    '- { apiGroups: [""], resources: [pods], verbs: [get, list, watch] }',
    '- { apiGroups: [""], resources: [pods/ephemeralcontainers], verbs: [patch] }',
    '- { apiGroups: [""], resources: [pods/exec, pods/portforward], verbs: [get, create] }',
    // What a single one of its tools takes, or a name such as deploy/api.
    ...(usual.includes(resource)
      ? []
      : [`- { apiGroups: [${quoted(group)}], resources: [${quoted(resource)}], verbs: [${quoted(verb)}] }`]),
    '---',
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: RoleBinding',
    `metadata: { name: kprof, namespace: ${quoted(namespace)} }`,
    'roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: kprof }',
    `subjects: [${subject(user)}]`,
  ].join('\n');
}

const grant = (why: string, namespace: string | undefined, denied?: Denied): string =>
  `${why} An admin of the namespace can apply:\n${roleYaml(namespace, denied?.user, denied)}`;

/** The 403 in words. */
export function rbac({ doing, namespace }: { readonly doing: string; readonly namespace?: string | undefined }, said: string): Explanation {
  const denied = parseDenied(said);
  const failure = 'forbidden';
  if (denied?.user === 'system:anonymous')
    return {
      failure,
      message: `Cannot ${doing}: the API server does not know who you are`,
      cause: said,
      hint: 'no credentials were sent; log in, then check with: kubectl auth whoami',
    };
  if (denied?.verb === 'impersonate') return { failure, message: `${denied.user} may not impersonate (--as)`, cause: said };
  if (denied !== undefined) {
    const where = denied.namespace === undefined ? '' : ` in namespace ${denied.namespace}`;
    // Most Roles give `create` alone, from the days of SPDY; a WebSocket begins as a GET.
    const half =
      ['pods/exec', 'pods/portforward'].includes(denied.resource) && denied.verb === 'get'
        ? `If your Role has create on ${denied.resource}, it lacks get: both are needed.`
        : `The right to ${denied.verb} ${denied.resource} is missing.`;
    return {
      failure,
      message: `${denied.user} may not ${denied.verb} ${denied.resource}${where}`,
      cause: said,
      hint: grant(half, denied.namespace, denied),
    };
  }
  // With get but without create, the sentence ends after the colon.
  if (/is forbidden:\s*$/.test(said)) {
    const resource = doing.startsWith('forward ') ? 'pods/portforward' : 'pods/exec';
    return {
      failure,
      message: `You may not ${doing}`,
      cause: said,
      hint: grant(`Your Role has get on ${resource} but not create; since Kubernetes 1.35 both are needed.`, namespace),
    };
  }
  // RBAC answers with a sentence; this one word is all that `kubectl proxy` says.
  if (/^Forbidden\s*$/.test(said))
    return {
      failure,
      message: `What stands before the API server, such as kubectl proxy, does not let through: ${doing}`,
      hint: "kubectl proxy --reject-paths='^/api/.*/pods/.*/attach'    # lets exec through, for whoever can reach its port",
    };
  return { failure, message: `You may not ${doing}`, cause: said === '' ? undefined : said };
}
