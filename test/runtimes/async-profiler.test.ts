import { describe, expect, it } from 'vitest';
import {
  checkInterval,
  dropProfiler,
  events,
  fellBack,
  guardProfiler,
  profilerDid,
  profilerWrote,
  startProfiler,
  stopProfiler,
} from '../../src/runtimes/async-profiler.ts';
import type { Process, Tools } from '../../src/toolkit.ts';

const jvm = {
  pid: 7,
  started: '4711',
  argv: ['java'],
  handles: 0x4n,
  maps: ['libjvm.so'],
  tells: { tmp: 'writable' },
} as unknown as Process;
const ours: Tools = { has: (program) => program !== 'jcmd', jdk: undefined };
const written = { folder: '/tmp/kprof-a', file: '/tmp/kprof-a/profile.jfr', output: 'jfr' } as const;

describe('the arguments', () => {
  it.each([
    [
      { event: 'cpu', interval: undefined, threads: false },
      'start,event=cpu,interval=10ms,timeout=75,file=/tmp/kprof-a/profile.jfr,jfr,jfropts=2',
    ],
    [
      { event: 'wall', interval: '1MS', threads: true },
      'start,event=wall,interval=1ms,threads,timeout=75,file=/tmp/kprof-a/profile.jfr,jfr,jfropts=2',
    ],
    [{ event: 'alloc', interval: '512k', threads: false }, 'start,alloc=512k,timeout=75,file=/tmp/kprof-a/profile.jfr,jfr,jfropts=2'],
    [{ event: 'lock', interval: undefined, threads: false }, 'start,lock,timeout=75,file=/tmp/kprof-a/profile.jfr,jfr,jfropts=2'],
  ] as const)('of %o', (how, words) => {
    expect(startProfiler(jvm, how, 75, written)).toEqual(['profiler', '7', '4711', '/tmp/kprof-a', 'ours', words]);
  });

  it('stop it with a file, and without one', () => {
    expect(stopProfiler(jvm, { threads: true }, { ...written, file: '/tmp/kprof-a/p.html', output: 'flamegraph' }).at(-1)).toBe(
      'stop,file=/tmp/kprof-a/p.html,flamegraph,threads',
    );
    expect(dropProfiler(jvm, '/tmp/kprof-a').at(-1)).toBe('stop');
  });

  it('name the library that the process has already', () => {
    const process = { ...jvm, tells: { library: '/opt/ap/libasyncProfiler.so' } };
    expect(dropProfiler(process, '/tmp/kprof-a')[4]).toBe('/opt/ap/libasyncProfiler.so');
    for (const library of ['ours', 'gone']) expect(dropProfiler({ ...jvm, tells: { library } }, '/x')[4]).toBe('ours');
  });
});

describe('checkInterval', () => {
  it.each(events)('wants a size of alloc and a time of all others: %s', (event) => {
    const [right, wrong] = event === 'alloc' ? ['512k', '1ms'] : ['500us', '512k'];
    expect(() => checkInterval({ event, interval: right })).not.toThrow();
    expect(() => checkInterval({ event, interval: undefined })).not.toThrow();
    for (const interval of [wrong, '0', '-1ms', '1ms,file=/etc/passwd', ' 1ms', '1m\ns'])
      expect(() => checkInterval({ event, interval })).toThrow(`-e ${event}`);
  });
});

describe('guardProfiler', () => {
  const guard = (tells: Record<string, string>, tools = ours) => guardProfiler({ ...jvm, tells: { ...jvm.tells, ...tells } }, tools, 'cpu');

  it('lets a JVM pass that has none, ours, or one that it can see', () => {
    for (const library of [undefined, 'ours', 'gone', '/opt/ap/libasyncProfiler.so'])
      expect(() => guard(library === undefined ? {} : { library })).not.toThrow();
  });

  it.each([
    ['one that runs', { profiler: 'runs' }, "Somebody else's"],
    ['one whose file is not to be found', { library: 'hidden /opt/ap/libasyncProfiler.so' }, "can't be reached"],
    ['one whose name is an argument', { library: '/opt/a b/libasyncProfiler.so,stop' }, "can't be reached"],
    ['a JVM that can not be attached to', { attach: '0' }, 'attach'],
  ])('refuses %s', (_, tells, message) => expect(() => guard(tells as unknown as Record<string, string>)).toThrow(message));

  const [prof, virtual] = [0x4000000n, 0x2000000n];
  it.each([
    ['cpu', prof, 'SIGPROF'],
    ['ctimer', prof, 'SIGPROF'],
    ['itimer', prof, 'SIGPROF'],
    ['wall', virtual, 'SIGVTALRM'],
  ] as const)('leaves the signal of another profiler alone: -e %s', (event, bit, signal) => {
    const process = { ...jvm, handles: jvm.handles | bit };
    expect(() => guardProfiler(process, ours, event)).toThrow(`whose ${signal} async-profiler would take over`);
    expect(() => guardProfiler({ ...jvm, handles: jvm.handles | (bit ^ prof ^ virtual) }, ours, event)).not.toThrow();
    for (const other of ['alloc', 'lock'] as const) expect(() => guardProfiler(process, ours, other)).not.toThrow();
    // One that is loaded keeps its handler when it has stopped.
    expect(() => guardProfiler({ ...process, tells: { ...jvm.tells, library: 'ours' } }, ours, event)).not.toThrow();
  });

  it('wants our image', () =>
    expect(() => guard({}, { has: (program) => program === 'jattach', jdk: undefined })).toThrow('no async-profiler'));
});

/** What `profiler` of kprof.sh prints. */
const printed = (code: number, more = '') =>
  `Connected to remote JVM\nJVM response code = 0\nreturn code: ${code}\n\nperf events 0\n${more}`;

describe('what it answers', () => {
  it('is taken for done when it is', () => {
    expect(() => profilerDid('start')(printed(0))).not.toThrow();
    // JDK 8
    expect(() => profilerDid('start')('Connected to remote JVM\nJVM response code = 0\n0\nperf events 0\n')).not.toThrow();
  });

  it('is told with its own words when it is not', () => {
    expect(() => profilerDid('start')(printed(200, 'log [ERROR] Profiler already started\n'))).toThrow("Somebody else's");
    expect(() => profilerDid('start')(printed(100))).toThrow('could not start');
    try {
      profilerDid('start')(printed(200, 'log [ERROR] No AllocTracer symbols found. Are JDK debug symbols installed?\n'));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        failure: 'failed',
        cause: expect.stringContaining('AllocTracer'),
        hint: expect.stringContaining('-e'),
      });
    }
  });

  it('is not taken for whole when the profiler has its doubts', () => {
    expect(() => profilerWrote(printed(0))).not.toThrow();
    expect(() => profilerWrote(printed(0, 'log [WARN] Something else\n'))).not.toThrow();
    const doubts = { failure: 'incomplete', cause: 'Output file may be incomplete' };
    expect(() => profilerWrote(printed(0, 'log [WARN] Output file may be incomplete\n'))).toThrow(expect.objectContaining(doubts));
    expect(() => profilerWrote(printed(200))).toThrow('could not write the profile');
  });

  it('says what fell back', () => {
    expect(fellBack('cpu', printed(0))).toContain('timers');
    expect(fellBack('wall', printed(0))).toBeUndefined();
    expect(fellBack('cpu', 'return code: 0\nperf events 12\n')).toBeUndefined();
    expect(fellBack('itimer', printed(0, 'log [WARN] Install JVM debug symbols\x1b[2J\n'))).toBe('Install JVM debug symbols\\x1b[2J');
  });
});
