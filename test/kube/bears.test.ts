import type { V1Container, V1Pod, V1Probe } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { bearsOf } from '../../src/kube/bears.ts';
import { bytesOf } from '../../src/kube/resources.ts';

const container = (more: Partial<V1Container>): V1Container => ({ name: 'app', ...more });
const pod = (...containers: readonly V1Container[]): V1Pod => ({ spec: { containers: [...containers] } });
const http: V1Probe = { httpGet: { port: 80 } };

describe('how long an app may be silent', () => {
  it.each<readonly [string, V1Probe, number, string]>([
    ['by default', http, 21_000, '3 × 10s'],
    ['with a patient probe', { ...http, periodSeconds: 20, failureThreshold: 6, timeoutSeconds: 5 }, 105_000, '6 × 20s'],
    ['with a probe that fails at once', { ...http, periodSeconds: 5, failureThreshold: 1 }, 1000, '1 × 5s'],
  ])('%s', (_, livenessProbe, after, words) => {
    const app = container({ livenessProbe });
    expect(bearsOf(pod(app), app, {}).liveness).toEqual({ after, words });
  });

  it('is the same of a connection: the kernel takes some, until nobody has taken them from it', () => {
    const probe = { tcpSocket: { port: 80 } };
    const app = container({ livenessProbe: probe, readinessProbe: { ...probe, failureThreshold: 1 } });
    expect(bearsOf(pod(app), app, {})).toMatchObject({ liveness: { words: '3 × 10s' }, readiness: { words: '1 × 10s' } });
  });

  it('is unlimited without a probe', () => {
    expect(bearsOf(pod(container({})), container({}), {})).toMatchObject({ liveness: undefined, readiness: undefined });
  });

  it('is what the startup probe says until that has succeeded', () => {
    const app = container({ livenessProbe: http, startupProbe: { ...http, failureThreshold: 30 } });
    expect(bearsOf(pod(app), app, { started: false }).liveness?.words).toBe('30 × 10s');
    expect(bearsOf(pod(app), app, { started: true }).liveness?.words).toBe('3 × 10s');
  });
});

describe('limits', () => {
  const limited = (limits: Record<string, string>) => container({ resources: { limits } });
  it('of memory are the container’s', () => {
    const app = limited({ memory: '1Gi' });
    expect(bearsOf(pod(app, limited({ memory: '1Gi' })), app, {}).memory).toBe(2 ** 30);
  });
  it('of processors are the container’s, whatever a sidecar has', () => {
    const app = limited({ cpu: '250m' });
    expect(bearsOf(pod(app, limited({ cpu: '2' })), app, {}).cores).toBe(0.25);
    expect(bearsOf(pod(app, container({})), app, {}).cores).toBe(0.25);
    expect(bearsOf({ spec: { containers: [app], resources: { limits: { cpu: '100m' } } } }, app, {}).cores).toBe(0.1);
    expect(bearsOf(pod(container({}), app), container({}), {}).cores).toBeUndefined();
  });
  it('of volumes are those of what is mounted where', () => {
    const mount = (name: string, mountPath: string) => ({ name, mountPath });
    const app = container({ volumeMounts: [mount('tmp', '/tmp'), mount('data', '/data'), mount('free', '/free'), mount('ram', '/ram')] });
    const volumes = [
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
      { name: 'data', persistentVolumeClaim: { claimName: 'x' } },
      { name: 'free', emptyDir: {} },
      { name: 'ram', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
    ];
    expect(bearsOf({ spec: { containers: [app], volumes } }, app, {}).volumes).toEqual([
      { path: '/tmp', limit: 64 * 2 ** 20, isEphemeral: true },
      { path: '/data', limit: undefined, isEphemeral: false },
      { path: '/free', limit: undefined, isEphemeral: true },
      { path: '/ram', limit: undefined, isEphemeral: false },
    ]);
  });
  it('of storage are the sum of those that there are', () => {
    const app = limited({ 'ephemeral-storage': '1Gi' });
    expect(bearsOf(pod(app, limited({ 'ephemeral-storage': '500M' }), container({})), app, {}).storage).toBe(2 ** 30 + 500e6);
    expect(bearsOf(pod(container({})), container({}), {}).storage).toBeUndefined();
  });
});

it.each([
  ['128974848', 128_974_848],
  ['129e6', 129e6],
  ['129M', 129e6],
  ['123Mi', 123 * 2 ** 20],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['400m', 0],
  ['2k', 2000],
  ['x', undefined],
  [undefined, undefined],
])('%s are so many bytes', (quantity, bytes) => expect(bytesOf(quantity)).toBe(bytes));
