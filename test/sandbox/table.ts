/** Lists as `kubectl get` shows them: the server makes the table. */
import { lists, type Pod, type Thing } from './objects.ts';

const age = (since: string | undefined): string => {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(since ?? 0).getTime()) / 1000));
  return seconds < 120 ? `${seconds}s` : `${Math.round(seconds / 60)}m`;
};

/** As kubectl prints a pod's STATUS: the reason of what is wrong, else the phase. */
function podStatus({ metadata, status }: Pod): string {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (status.reason !== undefined) return status.reason;
  const states = (status.containerStatuses ?? []).map(({ state }) => state);
  const told = states.map(({ waiting, terminated }) => waiting?.reason ?? terminated?.reason).find((reason) => reason !== undefined);
  return told ?? status.phase;
}

const columns: Readonly<Record<string, readonly (readonly [string, (object: Thing) => string | number])[]>> = {
  pods: [
    [
      'Ready',
      (pod) => `${(pod as Pod).status.containerStatuses?.filter(({ ready }) => ready).length ?? 0}/${(pod as Pod).spec.containers.length}`,
    ],
    ['Status', (pod) => podStatus(pod as Pod)],
    [
      'Restarts',
      (pod) =>
        lists
          .slice(0, 2)
          .flatMap(([, list]) => (pod as Pod).status[list] ?? [])
          .reduce((sum, each) => sum + each.restartCount, 0),
    ],
  ],
  namespaces: [['Status', () => 'Active']],
  events: [
    ['Type', (event) => String(event['type'])],
    ['Reason', (event) => String(event['reason'])],
    ['Message', (event) => String(event['message'])],
  ],
};

/** The Table of some objects of a resource; each row also holds the object's metadata, as is usual, or all of it. */
export function table(resource: string, objects: readonly Thing[], query: URLSearchParams, version?: string): object {
  const all = [
    ['Name', (object: Thing) => object.metadata.name] as const,
    ...(columns[resource] ?? []),
    ['Age', (object: Thing) => age(object.metadata.creationTimestamp)] as const,
  ];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: version },
    columnDefinitions: all.map(([name]) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: name,
      priority: 0,
    })),
    rows: objects.map((object) => ({
      cells: all.map(([, cell]) => cell(object)),
      object:
        query.get('includeObject') === 'Object'
          ? object
          : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}
