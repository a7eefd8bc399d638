import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recognise } from '../../src/formats/index.ts';
import { sandbox } from '../support/sandbox.ts';

const frame = (functionName: string, url = 'file:///app/server.js', lineNumber = 11) => ({
  functionName,
  scriptId: '1',
  url,
  lineNumber,
  columnNumber: 0,
});

const cpu = {
  nodes: [
    { id: 1, callFrame: frame('(root)', '', -1), hitCount: 0, children: [2, 4] },
    { id: 2, callFrame: frame('main'), hitCount: 0, children: [3] },
    { id: 3, callFrame: frame('hot', 'file:///app/hot.js', 0), hitCount: 2 },
    { id: 4, callFrame: frame('(idle)', '', -1), hitCount: 1 },
  ],
  startTime: 1000,
  endTime: 9000,
  samples: [3, 4, 3, 2],
  timeDeltas: [0, 1000, 2000, 3000],
};

const heap = {
  head: {
    callFrame: frame('(root)', '', -1),
    selfSize: 0,
    id: 1,
    children: [
      { callFrame: frame(''), selfSize: 10, id: 2, children: [{ callFrame: frame('fill'), selfSize: 2048, id: 3, children: [] }] },
    ],
  },
  samples: [],
};

async function check(content: string) {
  using box = sandbox();
  const path = join(box.path, 'x');
  writeFileSync(path, content);
  const format = await recognise(path);
  return { format: format.name, ...(await format.check(path)) };
}

test('of a CPU profile the time until the next sample counts, and not what was idle', async () => {
  const { format, text, facts } = await check(JSON.stringify(cpu));
  expect([format, text]).toEqual(['cpuprofile', '6ms of CPU time in 8ms, 2 stacks']);
  expect(facts).toMatchObject({
    unit: 'microseconds',
    flat: { 'hot hot.js:1': 4000, 'main server.js:12': 2000 },
    cum: { 'main server.js:12': 6000 },
  });
});

test('of a heap profile what each function allocated and is still there', async () => {
  const { format, text, facts } = await check(JSON.stringify(heap, undefined, 2));
  expect([format, text]).toEqual(['heapprofile', '2.01kB in use, 2 stacks']);
  expect(facts).toMatchObject({
    flat: { 'fill server.js:12': 2048, '(anonymous) server.js:12': 10 },
    cum: { '(anonymous) server.js:12': 2058 },
  });
});

test("Node's own are read", async () => {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    await session.post('HeapProfiler.startSampling', { samplingInterval: 1024 });
    const kept = Array.from({ length: 50_000 }, (_, at) => ({ at }));
    const { profile } = await session.post('Profiler.stop');
    const { profile: sampled } = await session.post('HeapProfiler.stopSampling');
    expect((await check(JSON.stringify(profile))).format).toBe('cpuprofile');
    expect(kept.length).toBe(50_000);
    expect(await check(JSON.stringify(sampled))).toMatchObject({ format: 'heapprofile', facts: { type: 'inuse_space' } });
  } finally {
    session.disconnect();
  }
});

test.each([
  ['cut short', JSON.stringify(cpu).slice(0, -40)],
  ['of samples that are of no node', JSON.stringify({ ...cpu, samples: [9] })],
  ['without times', JSON.stringify({ ...cpu, timeDeltas: [] })],
  [
    'whose tree is a circle',
    JSON.stringify({ ...cpu, nodes: [...cpu.nodes, { id: 5, callFrame: frame('f'), children: [2, 5] }], samples: [5] }),
  ],
  ['of a heap, cut short', JSON.stringify(heap).slice(0, -40)],
])('one %s is incomplete', async (_, content) => {
  await expect(check(content)).rejects.toMatchObject({ failure: 'incomplete' });
});
