/** A JVM as /proc shows it. */
import type { Process } from '../../src/toolkit.ts';

/** One that can be attached to. */
export const hotspot: Process = {
  pid: 7,
  ppid: 1,
  started: '4711',
  uid: 1000,
  gid: 3000,
  groups: [],
  comm: 'java',
  argv: ['java', 'App'],
  exe: '/usr/bin/java',
  handles: 0xffffn,
  capabilities: 0n,
  tracer: 0,
  maps: ['libjvm.so'],
  tells: { tmp: 'writable' },
};
