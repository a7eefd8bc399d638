import type { V1Pod } from '@kubernetes/client-node';
import { expect, it } from 'vitest';
import { meshOf } from '../../src/kube/mesh.ts';

const pod = (containers: readonly string[], init: readonly string[] = []): V1Pod => ({
  spec: { containers: containers.map((name) => ({ name })), initContainers: init.map((name) => ({ name })) },
});

it.each([
  [['app', 'istio-proxy'], [], 'Istio'],
  [['app'], ['istio-init', 'istio-proxy'], 'Istio'],
  [['linkerd-proxy', 'app'], [], 'Linkerd'],
  [['app', 'consul-dataplane'], [], 'Consul'],
  [['app', 'proxy'], ['setup'], undefined],
] as const)('%j with %j before them is of %s', (containers, init, mesh) => expect(meshOf(pod(containers, init))).toBe(mesh));
