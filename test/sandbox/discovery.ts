/** What the API server says of itself: its groups, versions and resources. */

/** A kind of object that can be asked for. */
export interface Resource {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  readonly short: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

const usual = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const resource = (group: string, plural: string, kind: string, short: readonly string[] = [], more: Partial<Resource> = {}): Resource => ({
  group,
  plural,
  kind,
  short,
  namespaced: true,
  verbs: usual,
  subresources: [],
  ...more,
});

export const resources: readonly Resource[] = [
  resource('', 'pods', 'Pod', ['po'], { subresources: ['attach', 'ephemeralcontainers', 'exec', 'log', 'portforward', 'status'] }),
  resource('', 'namespaces', 'Namespace', ['ns'], { namespaced: false }),
  resource('', 'services', 'Service', ['svc']),
  resource('', 'events', 'Event', ['ev']),
  resource('', 'nodes', 'Node', ['no'], { namespaced: false }),
  resource('apps', 'deployments', 'Deployment', ['deploy']),
  resource('apps', 'replicasets', 'ReplicaSet', ['rs']),
  resource('apps', 'statefulsets', 'StatefulSet', ['sts']),
  resource('apps', 'daemonsets', 'DaemonSet', ['ds']),
  resource('batch', 'jobs', 'Job'),
  resource('authorization.k8s.io', 'selfsubjectaccessreviews', 'SelfSubjectAccessReview', [], { namespaced: false, verbs: ['create'] }),
];

export const apiVersion = ({ group }: Resource): string => (group === '' ? 'v1' : `${group}/v1`);

const groups = [...new Set(resources.map(({ group }) => group))].filter((group) => group !== '');
const inGroup = (group: string) => resources.filter((each) => each.group === group);
const versioned = (group: string) => ({ groupVersion: `${group}/v1`, version: 'v1' });
const groupOf = (name: string) => ({ name, versions: [versioned(name)], preferredVersion: versioned(name) });

const resourceList = (group: string) => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: group === '' ? 'v1' : `${group}/v1`,
  resources: inGroup(group).flatMap(({ plural, kind, short, namespaced, verbs, subresources }) => [
    { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs, shortNames: short },
    ...subresources.map((sub) => ({
      name: `${plural}/${sub}`,
      singularName: '',
      namespaced,
      kind,
      verbs: ['create', 'get', 'patch', 'update'],
    })),
  ]),
});

/** One answer in place of many (apidiscovery.k8s.io/v2), which kubectl asks for first. */
const aggregated = (names: readonly string[]) => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: 'apidiscovery.k8s.io/v2',
  metadata: {},
  items: names.map((name) => ({
    metadata: { name: name === '' ? null : name, creationTimestamp: null },
    versions: [
      {
        version: 'v1',
        freshness: 'Current',
        resources: inGroup(name).map(({ group, plural, kind, short, namespaced, verbs, subresources }) => ({
          resource: plural,
          responseKind: { group, version: 'v1', kind },
          scope: namespaced ? 'Namespaced' : 'Cluster',
          singularResource: kind.toLowerCase(),
          verbs,
          shortNames: short,
          subresources: subresources.map((subresource) => ({
            subresource,
            responseKind: { group, version: 'v1', kind },
            verbs: ['create', 'get', 'patch', 'update'],
          })),
        })),
      },
    ],
  })),
});

const rootOf = (group: string): string => (group === '' ? 'api/v1' : `apis/${group}/v1`);
const openApi = {
  paths: Object.fromEntries(['', ...groups].map((group) => [rootOf(group), { serverRelativeURL: `/openapi/v3/${rootOf(group)}?hash=0` }])),
};

/** The one thing that kubectl looks for: where a PATCH takes `fieldValidation`, it leaves the fields to the server. The sandbox takes all. */
const openApiOf = (group: string) => ({
  openapi: '3.0.0',
  info: { title: 'Kubernetes', version: version.gitVersion },
  paths: Object.fromEntries(
    inGroup(group)
      .filter(({ verbs }) => verbs.includes('patch'))
      .map(({ plural, kind, namespaced }) => [
        `/${rootOf(group)}/${namespaced ? 'namespaces/{namespace}/' : ''}${plural}/{name}`,
        {
          patch: {
            parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } }],
            responses: {},
            'x-kubernetes-group-version-kind': { group, version: 'v1', kind },
          },
        },
      ]),
  ),
});

/** The content type of the aggregated form. */
export const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** The answer for a path that is no resource's, or undefined; `whole` when the aggregated form may be given. */
export function discovery(path: string, whole: boolean): object | undefined {
  const clean = path.replace(/\/$/, '');
  if (clean === '/version') return version;
  if (clean === '/api') return whole ? aggregated(['']) : { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (clean === '/apis') return whole ? aggregated(groups) : { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupOf) };
  if (clean === '/api/v1') return resourceList('');
  if (clean === '/openapi/v3') return openApi;
  const described = ['', ...groups].find((each) => clean === `/openapi/v3/${rootOf(each)}`);
  if (described !== undefined) return openApiOf(described);
  const [, group = '', v1] = /^\/apis\/([^/]+)(\/v1)?$/.exec(clean) ?? [];
  if (!groups.includes(group)) return undefined;
  return v1 === undefined ? { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) } : resourceList(group);
}

const version = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3',
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '2026-07-22T00:00:00Z',
  goVersion: 'go1.26.0',
  compiler: 'gc',
  platform: 'linux/amd64',
};
