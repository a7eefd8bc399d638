/** The Go pods of delve.test.ts, what they answer, and who holds them. */
import type { GoPod } from './go-pods.ts';
import { debugContainers, hasEnded, kubectl, kubectlLater, type Place } from './support.ts';

const answers = 'addr=:8080,serve=http';

/** As Pod Security `restricted` wants them: uid 65532, no capability, a read-only root, nothing in the image but the app. */
export const pods = {
  newest: { args: [answers] },
  oldest: { args: [answers], image: 'oldest' },
  stripped: { args: [answers], image: 'stripped' },
  left: { args: [answers] },
  interrupted: { args: [answers] },
  killed: { args: [answers] },
  stopped: { args: [answers] },
  terminated: { args: [answers] },
  silent: { args: [answers] },
  deleted: { args: [answers], grace: 60, env: { DRAIN: '10s' } },
  watched: { args: [answers], neighbour: true },
  typed: { args: [answers] },
} satisfies Record<string, GoPod>;

/** Whether the app answers an HTTP request within a few seconds. */
export async function isAnswering({ namespace }: Pick<Place, 'namespace'>, pod: string): Promise<boolean> {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:8080/proxy/`;
  try {
    await kubectlLater(['get', '--raw', path, '--request-timeout=5s']);
  } catch (error) {
    // It has no such page, and says so itself.
    return /the server could not find the requested resource/.test(String((error as { readonly stderr?: unknown }).stderr));
  }
  return false;
}

/** Whether nobody traces process `pid`, as a debug container sees it, or all debug containers have ended. */
export async function isFree({ namespace }: Pick<Place, 'namespace'>, pod: string, pid = 1): Promise<boolean> {
  const container = debugContainers(namespace, pod).find((name) => !hasEnded(namespace, pod, name));
  if (container === undefined) return true;
  try {
    return /^TracerPid:\s*0$/m.test(
      await kubectlLater(['exec', '-n', namespace, pod, '-c', container, '--', 'cat', `/proc/${pid}/status`]),
    );
  } catch {
    return false; // it has ended just now, and the cluster is going to say so
  }
}

/** How often the app was started again. */
export const restarts = ({ namespace }: Pick<Place, 'namespace'>, pod: string): number =>
  Number(kubectl('get', 'pod', '-n', namespace, pod, '-o', 'jsonpath={.status.containerStatuses[0].restartCount}'));
