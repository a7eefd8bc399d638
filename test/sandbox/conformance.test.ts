import { afterAll, beforeAll, describe } from 'vitest';
import { conforms, podManifest } from './conformance.ts';
import type { Container } from './objects.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  const enforce = (level: string) => ({ 'pod-security.kubernetes.io/enforce': level });
  sandbox = await startSandbox({
    namespaces: { shop: {}, careful: enforce('baseline'), strict: enforce('restricted') },
    allows: ({ user }) => user === 'kprof',
  });
  for (const namespace of ['shop', 'careful', 'strict']) {
    const { metadata, spec } = podManifest('registry.local/kprof-jvm:test', namespace);
    const { containers, ...more } = spec;
    await sandbox.pod(metadata.name, containers as Partial<Container>[], { namespace, metadata, spec: more });
  }
});
afterAll(() => sandbox?.close());

describe('the sandbox answers as a cluster does: it', () => {
  conforms(() => ({ kubeconfig: sandbox.kubeconfig, namespace: 'shop', baseline: 'careful', restricted: 'strict' }));
});
