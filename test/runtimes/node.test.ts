import { describe, expect, it } from 'vitest';
import { guardSignal, inspectorPorts, node, snapshotCosts, startedOpen } from '../../src/runtimes/node.ts';
import type { Process } from '../../src/toolkit.ts';

const app: Process = {
  pid: 7,
  ppid: 1,
  started: '1',
  uid: 1000,
  gid: 1000,
  groups: [],
  comm: 'node-MainThread',
  argv: ['node', '/app/server.js'],
  exe: '/usr/local/bin/node',
  handles: 0x4602n,
  capabilities: 0n,
  tracer: 0,
  maps: [],
  tells: { node: 'yes', rss: '204800' },
};

describe('what is a Node.js process', () => {
  it('goes by what the program has inside', () => {
    expect(node.matches(app)).toBe(true);
    expect(node.matches({ ...app, tells: {} })).toBe(false);
  });

  it.each([
    [['npm start']],
    [['npm run start', '']],
    [['node', '/usr/local/bin/npm', 'start']],
    [['node', '--no-warnings', '/opt/yarn/bin/yarn.js', 'start']],
    [['node', '/usr/lib/node_modules/npm/bin/npm-cli.js', 'start']],
    [['node', '/usr/lib/node_modules/pnpm/bin/pnpm.cjs', 'dev']],
  ])('%s only starts it', (argv) => expect(node.matches({ ...app, argv })).toBe(false));

  it.each([[['node']], [['node', 'npm-server.js']], [['my own title']], [['node', '/app/server.js', 'npm']]])('%s is one', (argv) =>
    expect(node.matches({ ...app, argv })).toBe(true),
  );
});

describe('the signal', () => {
  it('may be sent to who handles it', () => expect(() => guardSignal(app)).not.toThrow());
  it('may be left out where the inspector is open', () =>
    expect(() => guardSignal({ ...app, handles: 0x4402n, argv: ['node', '--inspect=9300', 'a.js'] })).not.toThrow());
  it.each([
    [['node', '--disable-sigusr1', 'a.js'], 'it was started with --disable-sigusr1'],
    [['node', '--permission', 'a.js'], 'it was started with --permission'],
    [['node', 'a.js'], 'it was started with --disable-sigusr1, or with --permission'],
  ])('would end %s', (argv, cause) => {
    expect(() => guardSignal({ ...app, handles: 0x4402n, argv })).toThrow(
      expect.objectContaining({ failure: 'unsupported', cause, message: expect.stringContaining('Process 7 does not handle SIGUSR1') }),
    );
  });
});

it.each<[readonly string[], Record<string, string>, number]>([
  [['node', 'a.js'], {}, 9229],
  [['node', '--inspect', 'a.js'], {}, 9229],
  [['node', '--inspect=9300', 'a.js'], {}, 9300],
  [['node', '--inspect-port=0.0.0.0:9301', 'a.js'], { inspect: '9302' }, 9301],
  [['node', '--inspect-brk=[::1]:9303', 'a.js'], {}, 9303],
  [['node', 'a.js'], { inspect: '9302' }, 9302],
  [['node', '--inspect=99999', 'a.js'], {}, 9229],
])('the inspector of %s, with %o, is at %d', (argv, tells, port) => expect(inspectorPorts({ ...app, argv, tells })).toEqual([port]));

it.each<[readonly string[], Record<string, string>, readonly number[], boolean]>([
  [['node', '--inspect=0', 'a.js'], {}, [], true],
  [['node', '--inspect-port=0', 'a.js'], {}, [], false],
  [['node', 'a.js'], { inspect: '0', inspects: 'yes' }, [], true],
  [['node', '--inspect-brk', 'a.js'], {}, [9229], true],
])('the inspector of %s, with %o, is at %j, and open from the start: %s', (argv, tells, ports, open) =>
  expect([inspectorPorts({ ...app, argv, tells }), startedOpen({ ...app, argv, tells })]).toEqual([ports, open]),
);

it('a snapshot costs time and memory', () => {
  expect(snapshotCosts(app)).toBe(
    'a heap snapshot stops process 7 for up to about 8s, and may take up to 1000 MiB more memory of its container, if its heap is one of many small objects',
  );
  expect(snapshotCosts({ ...app, tells: {} })).toContain('until it is written');
});
