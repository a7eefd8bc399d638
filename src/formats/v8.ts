/**
 * Profiles of V8, as Node and Chrome write them: JSON of the inspector's types Profile and SamplingHeapProfile
 * (https://chromedevtools.github.io/devtools-protocol/tot/Profiler, …/tot/HeapProfiler).
 */
import { KprofError } from '../errors.ts';
import type { Location, Profile, Sample, ValueType } from '../profile/profile.ts';
import type { Format } from './format.ts';
import { contentOf, summarise } from './pprof.ts';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface CpuNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

interface HeapNode {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
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
function cpuProfile(parsed: unknown): Profile {
  const { nodes, samples, timeDeltas, startTime, endTime } = parsed as {
    readonly nodes: readonly CpuNode[];
    readonly samples: readonly number[];
    readonly timeDeltas: readonly number[];
    readonly startTime: number;
    readonly endTime: number;
  };
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame] as const));
  const locations = new Map(nodes.map(({ id, callFrame }) => [id, locationOf(callFrame)] as const));
  const times = new Map<number, number>();
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    if (!frames.has(id)) throw new TypeError(`sample ${index} is of no node`);
    at += Number(timeDeltas[index]);
    const until = index + 1 < samples.length ? at + Number(timeDeltas[index + 1]) : endTime;
    if (frames.get(id)?.functionName !== '(idle)') times.set(id, (times.get(id) ?? 0) + Math.max(0, until - at));
  }
  const stack = (id: number): readonly Location[] => {
    const found: Location[] = [];
    for (let node: number | undefined = id; node !== undefined; node = parents.get(node)) {
      if (found.length > nodes.length) throw new TypeError('its tree is a circle');
      if (parents.has(node)) found.push(locations.get(node) as Location); // the root is no function
    }
    return found;
  };
  const weighed = [...times].map(([id, time]) => ({ stack: stack(id), values: [time] }));
  if (!Number.isFinite(endTime - startTime) || weighed.some(({ values: [time] }) => !Number.isFinite(time)))
    throw new TypeError('its times are none');
  return profileOf({ type: 'cpu', unit: 'microseconds' }, weighed, (endTime - startTime) / 1000);
}

function heapProfile(parsed: unknown): Profile {
  const { head } = parsed as { readonly head: HeapNode };
  const samples: Sample[] = [];
  const open: { readonly node: HeapNode; readonly stack: readonly Location[] }[] = head.children.map((node) => ({ node, stack: [] }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { callFrame, selfSize, children } = next.node;
    const stack = [locationOf(callFrame), ...next.stack];
    if (!Number.isFinite(selfSize)) throw new TypeError('a size in it is none');
    if (selfSize > 0) samples.push({ stack, values: [selfSize] });
    open.push(...children.map((node) => ({ node, stack })));
  }
  return profileOf({ type: 'inuse_space', unit: 'bytes' }, samples, 0);
}

async function read(path: string, what: string, convert: (parsed: unknown) => Profile): Promise<Profile> {
  const content = await contentOf(path);
  try {
    return convert(JSON.parse(content.toString('utf8')));
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof RangeError)
      throw new KprofError('incomplete', `${path} is not a whole ${what}`, { cause: error });
    throw error;
  }
}

const begins = (head: Buffer, key: string): boolean =>
  new RegExp(`^\\s*\\{\\s*("\\w+"\\s*:\\s*[\\w.]+\\s*,\\s*)*"${key}"\\s*:[\\s\\S]*"callFrame"`).test(head.toString('utf8'));

/** CPU profiles of V8; the check reads all of it. */
export const cpuprofile: Format = {
  name: 'cpuprofile',
  extension: 'cpuprofile',
  viewers: ['page'],
  matches: (head) => begins(head, 'nodes'),
  check: async (path) => summarise(await read(path, 'CPU profile', cpuProfile)),
};

/** Sampled heap profiles of V8; the check reads all of it. */
export const heapprofile: Format = {
  name: 'heapprofile',
  extension: 'heapprofile',
  viewers: ['page'],
  matches: (head) => begins(head, 'head'),
  check: async (path) => summarise(await read(path, 'heap profile', heapProfile)),
};
