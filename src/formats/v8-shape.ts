/** The shapes of V8's profiles (https://chromedevtools.github.io/devtools-protocol/v8/Profiler, …/v8/HeapProfiler), checked field by field. */

/** What is wrong with a file. */
export class Damaged extends Error {}

/** A function. */
export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** A place in the tree of calls. */
export interface CpuNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** The same of a heap profile, whose tree is nested. */
export interface HeapNode {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** Whether it has fields. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

function checkNode(node: unknown): void {
  if (!isObject(node) || !isObject(node['callFrame']) || typeof node['callFrame']['functionName'] !== 'string')
    throw new Damaged('a node is damaged');
}

/** Of Profiler.stop. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly CpuNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
  readonly endTime: number;
}

/** Throws Damaged with the reason. */
export function checkCpu(parsed: unknown): CpuProfile {
  const { nodes, samples, timeDeltas, startTime, endTime } = parsed as { readonly [K in keyof CpuProfile]?: unknown };
  if (!Array.isArray(nodes)) throw new Damaged('it has no nodes');
  for (const node of nodes) {
    checkNode(node);
    const { id, children = [] } = node as { readonly id?: unknown; readonly children?: unknown };
    if (!Number.isInteger(id) || !Array.isArray(children)) throw new Damaged('a node is damaged');
  }
  if (!Array.isArray(samples)) throw new Damaged('it has no samples');
  if (!Array.isArray(timeDeltas) || timeDeltas.length !== samples.length)
    throw new Damaged(`its ${samples.length} samples have ${Array.isArray(timeDeltas) ? timeDeltas.length : 'no'} times`);
  if (!timeDeltas.every(Number.isFinite)) throw new Damaged('a time in it is none');
  if (!Number.isFinite(startTime) || !Number.isFinite(endTime)) throw new Damaged('it has no start or no end');
  return parsed as CpuProfile;
}

/** Throws Damaged with the reason; its children are still to be checked. */
export function checkHeap(node: unknown): HeapNode {
  checkNode(node);
  const { selfSize, children } = node as { readonly selfSize?: unknown; readonly children?: unknown };
  if (!Number.isFinite(selfSize) || !Array.isArray(children)) throw new Damaged('a node is damaged');
  return node as HeapNode;
}
