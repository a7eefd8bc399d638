import type { V1Pod } from '@kubernetes/client-node';
import { expect, it } from 'vitest';
import { cpuLimit } from '../../src/kube/resources.ts';

const pod = (...limits: readonly (string | undefined)[]): V1Pod =>
  ({
    spec: { containers: limits.map((cpu, index) => ({ name: `c${index}`, resources: cpu === undefined ? {} : { limits: { cpu } } })) },
  }) as V1Pod;

it.each([
  [pod('500m'), 0.5],
  [pod('1'), 1],
  [pod('1', '250m'), 1.25],
  [pod('2.5'), 2.5],
  [pod('1', undefined), undefined],
  [pod(undefined), undefined],
  [pod('nonsense'), undefined],
])('the CPU limit of a pod', (target, cores) => {
  expect(cpuLimit(target)).toBe(cores);
});
