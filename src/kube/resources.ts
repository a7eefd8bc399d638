/** Resource quantities (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/), as far as they bear on captures. */
import type { V1Pod } from '@kubernetes/client-node';

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
