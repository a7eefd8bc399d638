/** Whether a service mesh's proxy is in a pod. */
import type { V1Pod } from '@kubernetes/client-node';

/** By the name of the proxy's container. */
const proxies: readonly (readonly [name: RegExp, mesh: string])[] = [
  [/^istio-proxy$/, 'Istio'],
  [/^linkerd-proxy$/, 'Linkerd'],
  [/^kuma-sidecar$/, 'Kuma'],
  [/^(consul-dataplane|envoy-sidecar)(-.*)?$/, 'Consul'],
  [/^(osm-)?envoy(-proxy)?$/, 'Envoy'],
];

/** The mesh that has a proxy in the pod; undefined without one. */
export function meshOf({ spec }: V1Pod): string | undefined {
  const names = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map(({ name }) => name);
  return proxies.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
}
