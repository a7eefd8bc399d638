import { expect, it } from 'vitest';
import { composeSheet, factsOf } from '../../src/runtimes/jvm-sheet.ts';

const version = 'Connected to remote JVM\nJVM response code = 0\nOpenJDK 64-Bit Server VM version 25.0.3+9-LTS\nJDK 25.0.3\n';
const flags = '-XX:CICompilerCount=2 -XX:MaxHeapSize=67108864 -XX:OnError="curl x" -XX:+UseG1GC -XX:-UsePerfData \n';
const heap = ' garbage-first heap   total 65536K, used 2832K [0x0, 0x1)\n Metaspace       used 85K, committed 320K, reserved 1114112K\n';
const info = `Environment Variables:
SECRET=hunter2
GC Heap History (2 events):
Event: 0.1 {heap Before GC invocations=1 (full 0):
Event: 0.1 {heap After GC invocations=2 (full 1):

container (cgroup) information:
container_type: cgroupv2
active_processor_count: 1
cpu_quota: 50000
cpu_period: 100000
memory_limit_in_bytes: 524288 k
memory_usage_in_bytes: 331104 k

KVM virtualization detected
`;
const native = '\nNative Memory Tracking:\n\nTotal: reserved=1505728KB, committed=74800KB\n';
const status = 'Name:\tjava\nThreads:\t21\n';

it('what a JVM answers is a sheet, and facts in bytes and milliseconds', () => {
  const { text, facts } = composeSheet([version, '62.25 s\n', flags, heap, info, native, status]);
  expect(facts).toEqual({
    version: 'OpenJDK 64-Bit Server VM 25.0.3+9-LTS',
    major: 25,
    uptime: 62_250,
    collector: 'G1',
    heapUsed: 2832 * 1024,
    heapMax: 67_108_864,
    collections: 2,
    fullCollections: 1,
    metaspaceUsed: 85 * 1024,
    metaspaceCommitted: 320 * 1024,
    threads: 21,
    container: 'cgroupv2',
    containerProcessors: 1,
    containerCpuLimit: 0.5,
    containerMemoryLimit: 2 ** 29,
    containerMemoryUsed: 331_104 * 1024,
    nativeMemoryTracked: true,
    nativeReserved: 1_505_728 * 1024,
    nativeCommitted: 74_800 * 1024,
    flags: '-XX:CICompilerCount=2 -XX:MaxHeapSize=67108864 -XX:+UseG1GC -XX:-UsePerfData',
  });
  expect(text).toMatch(/^Version {9}OpenJDK 64-Bit Server VM 25\.0\.3\+9-LTS\nUptime {10}1m2s\nHeap {12}2\.9 MB used, 67\.1 MB at most\n/);
  expect(text).toMatch(/\nContainer {7}339 MB of 537 MB memory, 1 processors, limited to 0\.5 \(cgroupv2\)\n/);
  expect(JSON.stringify([text, facts])).not.toMatch(/hunter2|curl/);
});

it('the metaspace is told as JDK 8 to 15 write it, too', () => {
  const older = ' Metaspace       used 6109K, capacity 6242K, committed 6528K, reserved 1056768K\n  class space    used 585K\n';
  expect(factsOf([version, '', '', older])).toMatchObject({ metaspaceUsed: 6109 * 1024, metaspaceCommitted: 6528 * 1024 });
});

it('what it does not answer is left out', () => {
  const { text, facts } = composeSheet([version, '', '', '', '', 'Native memory tracking is not enabled\n', '']);
  expect(facts).toEqual({ version: 'OpenJDK 64-Bit Server VM 25.0.3+9-LTS', major: 25, nativeMemoryTracked: false, flags: '' });
  expect(text.split('\n')).toEqual([
    'Version         OpenJDK 64-Bit Server VM 25.0.3+9-LTS',
    'Native memory   not tracked; it is with -XX:NativeMemoryTracking=summary',
    '',
  ]);
});

it('a container without limits is told so', () => {
  const unlimited = 'container (cgroup) information:\ncontainer_type: cgroupv1\ncpu_quota: no quota\nmemory_limit_in_bytes: unlimited\n';
  expect(factsOf([version, '', '', '', unlimited, '', ''])).toMatchObject({ container: 'cgroupv1', containerMemoryUnlimited: true });
});
