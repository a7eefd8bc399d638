/** The parts of the cluster of test/cluster, as processes. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kubeconfig } from './support.ts';

const state = dirname(dirname(kubeconfig));
/** The cluster is the one of test/cluster, whose parts can be killed here. */
export const isOurs = existsSync(join(state, 'init.pid')) && process.getuid?.() === 0;

/** The pid of `kube NAME`, in the process namespace of the node. */
export function component(name: string): number | undefined {
  const init = readFileSync(join(state, 'init.pid'), 'utf8').trim();
  const found = readdirSync('/proc').find((pid) => {
    try {
      const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0') : [];
      return words[0] === 'kube' && words[1] === name && readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync(`/proc/${init}/ns/pid`);
    } catch {
      return false; // It has just ended.
    }
  });
  return found === undefined ? undefined : Number(found);
}
