import { expect, it } from 'vitest';
import { linePorts } from '../../src/kube/line-ports.ts';

it.each([
  ['https://10.0.0.1', []],
  ['https://10.0.0.1:443/clusters/c', []],
  ['https://10.0.0.1:6443', []],
  ['https://127.0.0.1:16443', [16443]],
])('the line to %s may pass a node by the usual ports, and its own', (server, own) => {
  expect(linePorts(new URL(server))).toEqual([10250, 6443, 8132, 9345, ...own]);
});
