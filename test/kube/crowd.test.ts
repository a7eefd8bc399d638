import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { isLineLost } from '../../src/errors.ts';
import { crowded, explainSize } from '../../src/kube/crowd.ts';
import { refused } from '../../src/kube/errors.ts';

const asked = { server: new URL('https://k8s.example:6443'), doing: 'add a debug container to pod shop/api' };

/** A pod with so many debug containers of ours, and two of others. */
const pod = (count: number, owner?: { readonly kind: string; readonly name: string }): V1Pod => ({
  metadata: {
    name: 'api',
    namespace: 'shop',
    labels: { 'pod-template-hash': '5d4f' },
    ...(owner === undefined ? {} : { ownerReferences: [{ ...owner, apiVersion: 'v1', uid: 'u', controller: true }] }),
  },
  spec: {
    containers: [],
    ephemeralContainers: [...Array.from({ length: count }, (_, at) => `kprof-jvm-${at}`), 'debugger-1', 'debugger-2'].map((name) => ({
      name,
    })),
  },
});

describe('many debug containers', () => {
  it('are told from the sixth on, and those of others are none', () => {
    expect(crowded(pod(0))).toBeUndefined();
    expect(crowded(pod(5))).toBeUndefined();
    expect(crowded(pod(6))).toBe(
      'Pod shop/api has 6 debug containers of kprof already: they stay in its spec until it is made anew, and its object grows with each. Recreate it when convenient',
    );
  });

  it.each([
    ['ReplicaSet', 'web-5d4f', 'kubectl rollout restart deployment/web -n shop'],
    ['ReplicaSet', 'web', 'kubectl delete pod api -n shop'],
    ['StatefulSet', 'db', 'kubectl rollout restart statefulset/db -n shop'],
    ['DaemonSet', 'log', 'kubectl rollout restart daemonset/log -n shop'],
    ['DaemonSet', 'a;reboot', "kubectl rollout restart daemonset/'a;reboot' -n shop"],
    ['Rollout', 'web', 'kubectl delete pod api -n shop'],
  ])('of a %s %s go with a command', (kind, name, command) => {
    expect(crowded(pod(6, { kind, name }))?.endsWith(`: ${command}`)).toBe(true);
  });

  it('of a Job go with its end', () => {
    expect(crowded(pod(6, { kind: 'Job', name: 'import' }))).toMatch(/when convenient$/);
  });
});

describe('an object that is too large', () => {
  it.each([
    [500, 'etcdserver: request is too large'],
    [500, 'rpc error: code = ResourceExhausted desc = trying to send message larger than max (2097279 vs. 2097152)'],
    [413, 'Request entity too large: limit is 3145728'],
  ])('is told from a server that cannot just now: %i %s', (code, message) => {
    const answered = refused(asked, { code, body: JSON.stringify({ kind: 'Status', status: 'Failure', message, code }) });
    const error = explainSize(pod(40, { kind: 'StatefulSet', name: 'db' }), answered);
    expect(error).toMatchObject({
      failure: 'failed',
      message: 'Pod shop/api cannot take another debug container: with it, its object is larger than the cluster takes',
      cause: message,
      hint: 'debug containers of before stay in it until it is made anew: kubectl rollout restart statefulset/db -n shop',
    });
    expect(isLineLost(error)).toBe(false);
  });

  it('leaves any other error as it is', () => {
    const other = refused(asked, { code: 500, body: 'no leader' });
    expect(explainSize(pod(1), other)).toBe(other);
    expect(explainSize(pod(1), 'x')).toBe('x');
  });
});
