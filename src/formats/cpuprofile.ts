/** CPU profiles of V8: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
import { duration as inWords } from '../report.ts';
import type { Format, Summary } from './format.ts';
import { broken, hasFrame, hasNumbers, readJson } from './profile-json.ts';

const what = 'CPU profile of V8';

function examine(path: string, profile: unknown): Summary {
  if (!hasNumbers(profile, 'startTime', 'endTime')) throw broken(path, what, 'it has no start or end');
  const { nodes, samples, timeDeltas, startTime, endTime } = profile;
  if (!Array.isArray(nodes) || !Array.isArray(samples) || !Array.isArray(timeDeltas)) throw broken(path, what, 'it has no samples');
  if (samples.length !== timeDeltas.length) throw broken(path, what, `${samples.length} samples have ${timeDeltas.length} times`);
  const ids = new Set(nodes.filter((node) => hasNumbers(node, 'id') && hasFrame(node)).map(({ id }) => id));
  if (ids.size !== nodes.length) throw broken(path, what, 'a node is damaged');
  if (!samples.every((id) => ids.has(id))) throw broken(path, what, 'a sample has no node');
  const durationMs = ((endTime as number) - (startTime as number)) / 1000; // microseconds
  return {
    text: `${inWords(durationMs)} of CPU profile, ${samples.length} samples in ${nodes.length} nodes`,
    facts: { durationMs, samples: samples.length, nodes: nodes.length },
  };
}

/** What `node --cpu-prof`, the inspector and Chrome write; the check wants every sample to have its node. */
export const cpuprofile: Format = {
  name: 'cpuprofile',
  extension: 'cpuprofile',
  viewers: ['page'],
  matches: (head) => /^\s*\{/.test(head.toString('latin1')) && head.includes('"nodes"') && head.includes('"callFrame"'),
  check: async (path) => examine(path, await readJson(path, what)),
};
