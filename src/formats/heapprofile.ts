/** Sampled heap profiles of V8: https://chromedevtools.github.io/devtools-protocol/tot/HeapProfiler/#type-SamplingHeapProfile */
import { bytes as inWords } from '../report.ts';
import type { Format, Summary } from './format.ts';
import { broken, hasFrame, hasNumbers, readJson } from './profile-json.ts';

const what = 'heap profile of V8';

function examine(path: string, profile: unknown): Summary {
  const left: unknown[] = [(profile as { head?: unknown } | null)?.head];
  let [nodes, bytes] = [0, 0];
  while (left.length > 0) {
    const node = left.pop();
    if (!hasNumbers(node, 'selfSize') || !hasFrame(node)) throw broken(path, what, 'a node is damaged');
    nodes += 1;
    bytes += node['selfSize'] as number;
    for (const child of [node['children'] ?? []].flat()) left.push(child);
  }
  return { text: `${inWords(bytes)} of sampled allocations in ${nodes} nodes`, facts: { bytes, nodes } };
}

/** What `node --heap-prof`, the inspector and Chrome write; the check walks the tree. */
export const heapprofile: Format = {
  name: 'heapprofile',
  extension: 'heapprofile',
  viewers: ['page'],
  matches: (head) => /^\s*\{\s*"head"\s*:/.test(head.toString('latin1')) && head.includes('"selfSize"'),
  check: async (path) => examine(path, await readJson(path, what)),
};
