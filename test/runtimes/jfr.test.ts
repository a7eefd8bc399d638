import { describe, expect, it } from 'vitest';
import {
  bytesOfSize,
  copyThatFits,
  guardAlone,
  leftRunning,
  parseRecordings,
  repositoryOf,
  sizeThatFits,
  theLeft,
} from '../../src/runtimes/jfr.ts';

const head = 'Connected to remote JVM\nJVM response code = 0\n';
const check = `${head}1:\nRecording 1: name=mine maxsize=250.0MB (running)\n\n Initial Environment Variable (jdk.InitialEnvironmentVariable)\n   [enabled=true]\n\nRecording 2: name=kprof-left-abc maxage=1h maxsize=256.0MB (running)\n\nRecording 3: name=kprof-left-old (stopped)\n`;

describe('recordings', () => {
  it('are read with what limits them', () => {
    expect(parseRecordings(check)).toEqual([
      { number: 1, name: 'mine', limits: 'maxsize=250.0MB', state: 'running' },
      { number: 2, name: 'kprof-left-abc', limits: 'maxage=1h maxsize=256.0MB', state: 'running' },
      { number: 3, name: 'kprof-left-old', limits: '', state: 'stopped' },
    ]);
    // JDK 8
    expect(parseRecordings('Recording: recording=1 name="x" duration=30s (running)\n')).toEqual([
      { number: 1, name: 'x', limits: 'duration=30s', state: 'running' },
    ]);
    expect(parseRecordings(`${head}No available recordings.\n\nUse jcmd 1 JFR.start to start a recording.\n`)).toEqual([]);
  });

  it('of others are not ours to fetch or to end, and ours is there once', () => {
    expect(leftRunning(check).map(({ name }) => name)).toEqual(['kprof-left-abc']);
    expect(theLeft(check).name).toBe('kprof-left-abc');
    for (const none of [
      '',
      'Recording 1: name=mine (running)\n',
      'Recording 1: name=kprof-abc duration=75s (running)\n',
      'Recording 3: name=kprof-left-x (stopped)\n',
    ]) {
      expect(() => theLeft(none)).toThrow('not touched');
      expect(() => guardAlone(none)).not.toThrow();
    }
    expect(() => guardAlone(check)).toThrow('kprof-left-abc');
  });
});

describe('the room for a recording', () => {
  const mebi = 2 ** 20;
  const of = (space: string, storage?: number) => ({
    process: { pid: 7, argv: ['java', '-Djava.io.tmpdir=/work'] },
    facts: { space },
    bears: { storage },
    name: 'pod',
  });
  const free = (mebibytes: number, type = 'ext2/ext3') => `${(mebibytes * mebi) / 4096} 99999999 4096 ${type}\n`;

  it.each([
    ['plenty', of(free(10_000)), 256],
    ['a disk of which nothing is known', of('unknown\n'), 256],
    ['half of what is left beside two chunks', of(free(126)), 50],
    ['the least', of(free(42)), 8],
    ['memory, which the app needs too', of(free(10_000, 'tmpfs')), 48],
    ['what the pod may write', of(free(10_000), 100 * mebi), 37],
    ['the same, where the disk is not known', of('', 100 * mebi), 37],
  ])('is %s', (_, recorded, size) => expect(sizeThatFits(256 * mebi, recorded)).toBe(size * mebi));

  it('of a copy is what the next chunks leave', () => {
    expect(copyThatFits(256 * mebi, of(free(126)))).toBe(100 * mebi);
    expect(copyThatFits(64 * mebi, of(free(126)))).toBe(64 * mebi);
  });

  it('may be too small: the JVM would end, so nothing is recorded', () => {
    for (const fits of [sizeThatFits, copyThatFits])
      expect(() => fits(256 * mebi, of(free(33)))).toThrow(
        expect.objectContaining({
          failure: 'unsupported',
          cause: '/work has room for 33 MiB',
          hint: expect.stringContaining('kprof threads pod'),
        }),
      );
  });

  it.each([
    [['java'], '/tmp'],
    [['java', '-Djava.io.tmpdir=/a', '-Djava.io.tmpdir=/b', 'App'], '/b'],
    [['java', '-Djava.io.tmpdir=relative'], '/tmp'],
    [['java', '-Djava.io.tmpdir=/a', '-XX:FlightRecorderOptions=stackdepth=9,repository=/r,maxchunksize=1m'], '/r'],
    [['java', '-XX:FlightRecorderOptions:repository=/r'], '/r'],
  ])('is that of the folder: %j', (argv, path) => expect(repositoryOf({ argv })).toBe(path));

  it("is written in JFR's units", () => {
    expect(['256m', '1G', 'maxage=1h maxsize=256.0MB', 'maxsize=1.5GB', 'maxage=1h', ''].map(bytesOfSize)).toEqual([
      256 * mebi,
      1024 * mebi,
      256 * mebi,
      1536 * mebi,
      undefined,
      undefined,
    ]);
  });
});
