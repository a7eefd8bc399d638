/**
 * Profiles of V8, as Node and Chrome write them: JSON of the inspector's types Profile and SamplingHeapProfile
 * (https://chromedevtools.github.io/devtools-protocol/tot/Profiler, …/tot/HeapProfiler).
 */
import { readFile } from 'node:fs/promises';
import { KprofError } from '../errors.ts';
import type { Location, Profile, Sample, ValueType } from '../profile/profile.ts';
import { type Fact, type Format, openFile, type Summary } from './format.ts';
import { summarise } from './pprof.ts';
import { type CallFrame, type CpuNode, checkCpu, checkHeap, Damaged, type HeapNode, isObject } from './v8-shape.ts';

/** It is longer than a text can be here. */
const longest = 256 * 2 ** 20;

/** What a file holds, and what else is told of it. */
interface Reading {
  readonly profile: Profile;
  readonly facts: Readonly<Record<string, Fact>>;
}

/** «handle server.js:12»; lines are counted from 0 in the file. */
function locationOf({ functionName, url, lineNumber }: CallFrame): Location {
  const file = String(url).slice(String(url).lastIndexOf('/') + 1);
  const where = file === '' ? '' : ` ${file}:${Number(lineNumber) + 1}`;
  return {
    object: '',
    lines: [{ name: `${functionName === '' ? '(anonymous)' : String(functionName)}${where}`, system: '', startLine: 0 }],
  };
}

const profileOf = (type: ValueType, samples: readonly Sample[], duration: number): Profile => ({
  types: [type],
  samples,
  dropFrames: '',
  keepFrames: '',
  defaultType: '',
  time: 0,
  duration,
});

/** Time until the next sample belongs to a sample, as DevTools has it; what was idle is no work. */
function cpuProfile(parsed: unknown): Reading {
  const { nodes, samples, timeDeltas, startTime, endTime } = checkCpu(parsed);
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame] as const));
  const times = new Map<number, number>();
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    if (!frames.has(id)) throw new Damaged(`sample ${index} has no node`);
    at += timeDeltas[index] as number;
    const until = index + 1 < samples.length ? at + (timeDeltas[index + 1] as number) : endTime;
    if (frames.get(id)?.functionName !== '(idle)') times.set(id, (times.get(id) ?? 0) + Math.max(0, until - at));
  }
  const stack = stacksOf(nodes);
  const weighed = [...times].map(([id, time]) => ({ stack: stack(id), values: [time] }));
  return {
    profile: profileOf({ type: 'cpu', unit: 'microseconds' }, weighed, (endTime - startTime) / 1000),
    facts: { samples: samples.length, nodes: nodes.length },
  };
}

/** The stack of each node, by its id. */
function stacksOf(nodes: readonly CpuNode[]): (id: number) => readonly Location[] {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const locations = new Map(nodes.map(({ id, callFrame }) => [id, locationOf(callFrame)] as const));
  return (id) => {
    const found: Location[] = [];
    for (let node: number | undefined = id; node !== undefined; node = parents.get(node)) {
      if (found.length > nodes.length) throw new Damaged('its tree is a circle');
      if (parents.has(node)) found.push(locations.get(node) as Location); // the root is no function
    }
    return found;
  };
}

function heapProfile(parsed: unknown): Reading {
  const samples: Sample[] = [];
  const root = checkHeap((parsed as { readonly head?: unknown }).head);
  const open: { readonly node: HeapNode; readonly stack: readonly Location[] }[] = root.children.map((node) => ({ node, stack: [] }));
  let [nodes, bytes] = [1, root.selfSize];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { callFrame, selfSize, children } = checkHeap(next.node);
    const stack = [locationOf(callFrame), ...next.stack];
    nodes += 1;
    bytes += selfSize;
    if (selfSize > 0) samples.push({ stack, values: [selfSize] });
    open.push(...children.map((node) => ({ node, stack })));
  }
  return { profile: profileOf({ type: 'inuse_space', unit: 'bytes' }, samples, 0), facts: { bytes, nodes } };
}

async function read(path: string, what: string, convert: (parsed: unknown) => Reading): Promise<Reading> {
  await using file = await openFile(path);
  if ((await file.stat()).size > longest)
    throw new KprofError('unsupported', `${path} is larger than the ${longest / 2 ** 20} MiB of a ${what} that are read here`, {
      hint: 'Chrome DevTools may open it',
    });
  const content = (await readFile(file)).toString('utf8');
  try {
    return convert(parse(content));
  } catch (error) {
    if (error instanceof Damaged) throw new KprofError('incomplete', `${path} is not a whole ${what}: ${error.message}`);
    throw error;
  }
}

async function check(path: string, what: string, convert: (parsed: unknown) => Reading): Promise<Summary> {
  const { profile, facts } = await read(path, what, convert);
  const summary = summarise(profile);
  return { ...summary, facts: { ...summary.facts, ...facts } };
}

function parse(content: string): unknown {
  try {
    const parsed: unknown = JSON.parse(content);
    if (isObject(parsed)) return parsed;
  } catch {}
  throw new Damaged('it is cut short');
}

const begins = (head: Buffer, key: string): boolean =>
  new RegExp(`^\\s*\\{\\s*("\\w+"\\s*:\\s*[\\w.]+\\s*,\\s*)*"${key}"\\s*:[\\s\\S]*"callFrame"`).test(head.toString('utf8'));

/** CPU profiles of V8; the check reads all of it. */
export const cpuprofile: Format = {
  name: 'cpuprofile',
  extension: 'cpuprofile',
  viewers: ['page'],
  matches: (head) => begins(head, 'nodes'),
  check: (path) => check(path, 'CPU profile', cpuProfile),
  stacks: async (path) => (await read(path, 'CPU profile', cpuProfile)).profile,
};

/** Sampled heap profiles of V8; the check reads all of it. */
export const heapprofile: Format = {
  name: 'heapprofile',
  extension: 'heapprofile',
  viewers: ['page'],
  matches: (head) => begins(head, 'head'),
  check: (path) => check(path, 'heap profile', heapProfile),
  stacks: async (path) => (await read(path, 'heap profile', heapProfile)).profile,
};
