/** Debug containers that stay: a pod's object grows with each, and the cluster takes objects up to a size. */
import type { V1Pod } from '@kubernetes/client-node';
import { KprofError } from '../errors.ts';
import { shellWord } from '../safe.ts';
import { ApiError } from './errors.ts';

/** So many of ours are none too many yet. */
const usual = 5;

const restarted: ReadonlySet<string> = new Set(['StatefulSet', 'DaemonSet']);

/** The command that makes a pod anew; undefined where nobody else makes it again, or where what it did would be done again. */
function renewal({ metadata }: V1Pod): string | undefined {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return undefined;
  const within = `-n ${shellWord(metadata?.namespace ?? '')}`;
  const restart = (kind: string, name: string) => `kubectl rollout restart ${kind}/${shellWord(name)} ${within}`;
  const hash = `-${metadata?.labels?.['pod-template-hash']}`;
  if (owner.kind === 'ReplicaSet' && owner.name.endsWith(hash)) return restart('deployment', owner.name.slice(0, -hash.length));
  if (restarted.has(owner.kind)) return restart(owner.kind.toLowerCase(), owner.name);
  return owner.kind === 'Job' ? undefined : `kubectl delete pod ${shellWord(metadata?.name ?? '')} ${within}`;
}

const named = ({ metadata }: V1Pod): string => `${metadata?.namespace}/${metadata?.name}`;

/** What to say when one more is added; undefined while there are few. */
export function crowded(pod: V1Pod): string | undefined {
  const count = pod.spec?.ephemeralContainers?.filter(({ name }) => name.startsWith('kprof-')).length ?? 0;
  if (count <= usual) return undefined;
  const command = renewal(pod);
  return (
    `Pod ${named(pod)} has ${count} debug containers of kprof already: they stay in its spec until it is made anew, and its object ` +
    `grows with each. Recreate it when convenient${command === undefined ? '' : `: ${command}`}`
  );
}

// Of etcd, of the API server's client of etcd, and of the API server itself.
const tooLarge = /request is too large|larger than max|entity too large/i;

/** The error in the place of one that says that the pod's object became too large; any other one as it is. */
export function explainSize(pod: V1Pod, error: unknown): unknown {
  if (!(error instanceof ApiError && (error.code === 413 || tooLarge.test(String(error.cause))))) return error;
  const command = renewal(pod);
  return new KprofError(
    'failed',
    `Pod ${named(pod)} cannot take another debug container: with it, its object is larger than the cluster takes`,
    {
      cause: error.cause,
      hint: `debug containers of before stay in it until it is made anew${command === undefined ? '' : `: ${command}`}`,
    },
  );
}
