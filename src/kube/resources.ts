/** Resource quantities (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/), as far as they bear on captures. */
import type { V1Container, V1Pod } from '@kubernetes/client-node';

function cores(quantity: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(quantity ?? '');
  return match === null ? undefined : Number(match[1]) / (match[2] === 'm' ? 1000 : 1);
}

/** The pod's limit in cores: the sum over its containers, or undefined when one of them has none. */
export function cpuLimit({ spec }: V1Pod): number | undefined {
  const whole = cores(spec?.resources?.limits?.['cpu']);
  if (whole !== undefined) return whole;
  const limits = (spec?.containers ?? []).map(({ resources }) => cores(resources?.limits?.['cpu']));
  return limits.some((limit) => limit === undefined) ? undefined : (limits as readonly number[]).reduce((sum, limit) => sum + limit, 0);
}

/** What one container of the pod may use, in cores: the lesser of its own limit and of the pod's as a whole; undefined without both. */
export function coresOf({ spec }: V1Pod, { resources }: V1Container): number | undefined {
  const limits = [resources, spec?.resources].flatMap((each) => cores(each?.limits?.['cpu']) ?? []);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

const powers: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  m: 1e-3,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Bytes of a quantity such as `1.5Gi`, `2e9`; undefined for none. */
export function bytesOf(quantity: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d*)?(?:[eE]\+?\d+)?)(m|k|[MGTPE]|[KMGTPE]i)?$/.exec(quantity ?? '');
  return match === null ? undefined : Math.round(Number(match[1]) * (powers[match[2] ?? ''] as number));
}
