import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { getHeapSnapshot } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { formats, recognise } from '../../src/formats/index.ts';
import { sandbox } from '../support/sandbox.ts';

const snapshot = {
  snapshot: {
    meta: {
      node_fields: ['type', 'name', 'id', 'self_size', 'edge_count'],
      node_types: [['hidden', 'object', 'string'], 'string', 'number', 'number', 'number'],
      edge_fields: ['type', 'name_or_index', 'to_node'],
    },
    node_count: 3,
    edge_count: 1,
  },
  nodes: [1, 1, 1, 100, 1, 1, 1, 3, 50, 0, 2, 2, 5, 7, 0],
  edges: [0, 1, 5],
  trace_tree: [[1, [2]]],
  samples: [],
  strings: ['<dummy>', 'Kept "é"\n', 'x'],
};
const whole = JSON.stringify(snapshot);

async function check(content: string) {
  using box = sandbox();
  const path = join(box.path, 'x');
  writeFileSync(path, content);
  const format = await recognise(path);
  return { format: format.name, ...(await format.check(path)) };
}

test.each([[whole], [JSON.stringify(snapshot, undefined, 1)], [`${whole}\n`]])(
  'a whole one has its classes, the largest first',
  async (content) => {
    const { format, text: said, facts } = await check(content);
    expect([format, said]).toEqual(['heapsnapshot', '157 B in 3 objects of 2 classes, 1 reference']);
    expect(facts).toMatchObject({ bytes: 157, nodes: 3, edges: 1, flat: { 'Kept "é"\n': 150, '(string)': 7 } });
  },
);

test("Node's own is read", async () => {
  class OfThisTest {
    readonly filled = new Array(10);
  }
  const kept = Array.from({ length: 20_000 }, () => new OfThisTest());
  const content = await text(getHeapSnapshot());
  const { facts } = await check(content);
  const { node_count, edge_count } = (JSON.parse(content) as typeof snapshot).snapshot;
  expect(facts).toMatchObject({ nodes: node_count, edges: edge_count });
  expect(kept.length).toBe(20_000);
}, 120_000);

describe('a broken one', () => {
  test.each([
    ['cut in its strings', whole.slice(0, -10), 'cut short'],
    ['cut before its last bracket', whole.slice(0, -1), 'cut short'],
    ['cut in its nodes', whole.slice(0, whole.indexOf('"nodes"') + 20), 'cut short'],
    ['cut in its head', whole.slice(0, 100), 'cut short'],
    ['with too few nodes', JSON.stringify({ ...snapshot, nodes: snapshot.nodes.slice(5) }), '10 numbers of nodes instead of 15'],
    ['with too few edges', JSON.stringify({ ...snapshot, edges: [] }), '0 numbers of edges instead of 3'],
    ['with a type that is none', JSON.stringify({ ...snapshot, nodes: [9, ...snapshot.nodes.slice(1)] }), 'of no type'],
    ['without a name', JSON.stringify({ ...snapshot, strings: ['<dummy>'] }), 'a name in it is missing'],
    ['with words among its numbers', whole.replace('100', 'null'), 'something else among its nodes'],
    ['with more behind its end', `${whole}{}`, 'something else'],
    ['with a head of nothing', '{"snapshot":{"meta":{}},"nodes":[', 'its head is damaged'],
  ])('%s', async (_, content, reason) => {
    await expect(check(content)).rejects.toMatchObject({ failure: 'incomplete', message: expect.stringContaining(reason) });
  });

  test('of a gigabyte, mostly holes', async () => {
    using box = sandbox();
    const path = join(box.path, 'x');
    writeFileSync(path, whole);
    truncateSync(path, 2 ** 30);
    await expect(formats.heapsnapshot.check(path)).rejects.toMatchObject({ failure: 'incomplete' });
  });
});
