import { describe, expect, it } from 'vitest';
import { KprofError } from '../../src/errors.ts';
import {
  checkReadable,
  checkTraceable,
  ended,
  explainFailure,
  explainPause,
  isGo,
  limits,
  remarkOnMissing,
  served,
} from '../../src/runtimes/delve.ts';
import type { Process, Tools } from '../../src/toolkit.ts';

const process = { pid: 7, tracer: 0, tells: { go: 'go1.26.8', 'go-dwarf': 'true', 'go-plain': 'true' } } as unknown as Process;
const telling = (tells: Readonly<Record<string, string>>): Process => ({ ...process, tells: { ...process.tells, ...tells } });
const ours: Tools = { has: () => true, jdk: undefined };

describe('a Go process', () => {
  it('is told by what its program says', () => {
    expect(isGo(process)).toBe(true);
    expect(isGo({ ...process, tells: {} })).toBe(false);
  });

  it('can be attached to, unless somebody else is', () => {
    checkTraceable(process, ours);
    expect(() => checkTraceable({ ...process, tracer: 9 }, ours)).toThrow('Process 7 is traced already, by process 9');
    expect(() => checkTraceable(process, { ...ours, has: () => false })).toThrow('no keeper');
    expect(() => checkReadable(telling({ 'go-dwarf': 'false' }), ours)).toThrow('is stripped');
  });

  it.each([
    [{}, []],
    [{ 'go-plain': 'false' }, [/optimised/]],
    [{ 'go-dwarf': 'false' }, [/stripped/]],
    [{ go: 'go1.13.15' }, [/made for Go 1\.25 to 1\.27, and process 7 runs go1\.13\.15/]],
    [{ go: 'go1.99' }, [/made for/]],
    [{ go: 'unknown' }, []],
  ] as const)('has its limits: %j', (tells, expected) => {
    const said = limits(telling(tells as Readonly<Record<string, string>>));
    expect(said).toHaveLength(expected.length);
    for (const [at, pattern] of expected.entries()) expect(said[at]).toMatch(pattern);
  });
});

const answer = JSON.stringify({ pauseMs: 123.4, root: 'example.com/shop', delve: '1.27.2' });

describe('what to do next', () => {
  it('is dlv connect at a socket, and how to get a port', () => {
    const { next, warnings, launch, notes } = served(process, 'mypod', answer, { text: 'unix:/run/s', port: undefined });
    expect(notes[0]).toContain('stood still for 123ms');
    expect(next[0]).toBe('  dlv connect unix:/run/s');
    expect(next.join('\n')).toContain('config substitute-path example.com/shop');
    expect(warnings).toEqual([]);
    expect(launch).toBe(undefined);
  });

  it('is a launch configuration at a port, and a warning', () => {
    const { warnings, launch, next } = served(process, 'mypod', answer, { text: '127.0.0.1:2345', port: 2345 });
    expect(warnings[0]).toContain('Every user of this machine');
    expect(launch).toMatchObject({ mode: 'remote', port: 2345, substitutePath: [{ from: '${workspaceFolder}', to: 'example.com/shop' }] });
    expect(next.join('\n')).toMatch(/GoLand: .*port 2345/);
    expect(next.join('\n')).toContain('--write-launch-json');
    const written = served(process, 'mypod', answer, { text: '127.0.0.1:2345', port: 2345 }, true).next.join('\n');
    expect(written).toContain('VS Code: Run and Debug, "kprof: mypod"\n');
    expect(written).not.toContain('--write-launch-json');
  });

  it.each(['', '{}', '{"pauseMs":"1","root":"","delve":""}'])('needs what keeper says: %j', (text) => {
    expect(() => served(process, 'mypod', text, { text: '', port: undefined })).toThrow();
  });
});

describe('an end', () => {
  it('is a good one, or an error', () => {
    expect(ended('left\n', 600)).toContain('runs on');
    expect(ended('asked', 600)).toContain('runs on');
    expect(() => ended('idle', 600)).toThrow('No client connected within 600s');
    expect(() => ended('exited', 600)).toThrow('ended while it was debugged');
    expect(() => ended('\x1b[2Jnonsense', 600)).toThrow('without a reason');
  });

  it.each([
    ['keeper: the process ended', 'gone'],
    ['keeper: process 7 is not a Go program', 'unsupported'],
    ['keeper: Could not attach to pid 7: operation not permitted', 'forbidden'],
    ['keeper: process 7 has no debug information, which tells', 'unsupported'],
    ['keeper: something else', 'failed'],
  ] as const)('that failed is explained: %s', (cause, failure) => {
    expect(explainFailure(new KprofError('failed', 'kprof-go-x could not attach', { cause }), process)).toMatchObject({ failure });
  });
});

describe('a pause', () => {
  it('that would be too long is told before, and one that was too short after', () => {
    const cause = 'keeper: to read the debug information takes 12345 ms, for which the process would stand still';
    const error = explainPause(new KprofError('failed', 'kprof-go-x could not', { cause }), process);
    expect(error).toMatchObject({ failure: 'unsupported', hint: expect.stringContaining('--max-pause 25s') });
    expect(remarkOnMissing('# 3 of 9 goroutines, of a process\n')).toContain('Of 9 goroutines 3');
    expect(remarkOnMissing('# 9 of 9 goroutines, of a process\n')).toBe(undefined);
  });
});
