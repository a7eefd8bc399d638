import { describe, expect, it } from 'vitest';
import {
  bytesOfSize,
  copyThatFits,
  foldersOf,
  guardAlone,
  leftRunning,
  parseRecordings,
  sizeThatFits,
  theLeft,
} from '../../src/runtimes/jfr.ts';
import type { Mounted } from '../../src/toolkit.ts';

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
  /** `work` is said of the folder of recordings, `tmp` of that of copies. */
  const of = (
    work: string,
    storage?: number,
    volumes: readonly (Pick<Mounted, 'path' | 'limit'> & Partial<Mounted>)[] = [],
    tmp = free(10_000),
  ) => ({
    process: { pid: 7, argv: ['java', '-Djava.io.tmpdir=/work'], tells: {} },
    facts: { space: work === '' ? '' : `${work}${tmp}` },
    bears: { storage, volumes: volumes.map((each) => ({ isEphemeral: true, ...each })) },
    name: 'pod',
  });
  const elsewhere = ['/work', '/tmp'].map((path) => ({ path, limit: undefined, isEphemeral: false }));
  const free = (mebibytes: number, type = 'ext2/ext3') => `${(mebibytes * mebi) / 4096} 99999999 4096 ${type}\n`;

  it.each([
    ['plenty', of(free(10_000)), 256],
    ['little, of a disk of which nothing is known', of('unknown\n'), 48],
    ['that of the folder for copies', of(free(10_000), undefined, [], free(126)), 50],
    ['half of what is left beside two chunks', of(free(126)), 50],
    ['the least', of(free(42)), 8],
    ['memory, which the app needs too', of(free(10_000, 'tmpfs')), 48],
    ['what the pod may write, less what it may have written', of(free(10_000), 100 * mebi), 24],
    ['the same, where the disk was not asked', of('', 100 * mebi), 24],
    ['what the volume may hold', of(free(10_000), undefined, [{ path: '/work', limit: 64 * mebi }]), 11],
    ['what the volume for copies may hold', of(free(10_000), undefined, [{ path: '/tmp/', limit: 64 * mebi }]), 11],
    ['all of volumes that are not the node’s disk, whatever the pod may write elsewhere', of(free(10_000), 100 * mebi, elsewhere), 256],
    [
      'what the innermost volume may hold',
      of(free(10_000), undefined, [
        { path: '/', limit: mebi },
        { path: '/work', limit: undefined },
        { path: '/tmp', limit: undefined },
        { path: '/work/a', limit: mebi },
        { path: '/wor', limit: mebi },
      ]),
      256,
    ],
  ])('is %s', (_, recorded, size) => expect(sizeThatFits(256 * mebi, recorded)).toBe(size * mebi));

  describe('for a copy', () => {
    const copy = (wanted: number, recorded: ReturnType<typeof of>, there = wanted) =>
      copyThatFits(wanted * mebi, recorded, 'target', there * mebi);
    const limited = (mebibytes: number) => of(free(10_000), undefined, [{ path: '/work', limit: mebibytes * mebi }]);

    it('is what the next chunks leave', () => {
      expect(copy(256, of(free(126)))).toEqual({ size: 100 * mebi, because: '/work has room for 126 MiB' });
      expect(copy(64, of(free(126))).size).toBe(64 * mebi);
      // What was recorded is in the volume already.
      expect(copy(11, limited(64)).size).toBe(11 * mebi);
      expect(copyThatFits(256 * mebi, of(free(10_000)), 'shared-memory')).toMatchObject({
        size: 48 * mebi,
        because: expect.stringContaining('shared memory has 48M'),
      });
    });

    it('is a little where a limit may have been taken: whoever records there takes more', () => {
      expect(copy(250, limited(200))).toEqual({
        size: 8 * mebi,
        because: expect.stringContaining('what was written already is not known'),
      });
      expect(copy(5, limited(200), 250)).toMatchObject({ size: 5 * mebi });
      expect(copy(250, of(free(10_000), 200 * mebi))).not.toHaveProperty('full');
    });

    it('may be none on a disk that was found full', () => {
      expect(copy(250, of(free(33)))).toMatchObject({ size: 8 * mebi, full: '/work has room for 33 MiB' });
      expect(copy(250, of(free(34)))).not.toHaveProperty('full');
      expect(copy(5, of(free(31)))).not.toHaveProperty('full');
    });
  });

  it('may be too small: the JVM would end, so nothing is recorded', () => {
    expect(() => sizeThatFits(256 * mebi, of(free(33)))).toThrow(
      expect.objectContaining({
        failure: 'unsupported',
        cause: '/work has room for 33 MiB',
        hint: expect.stringContaining('kprof threads pod'),
      }),
    );
  });

  it.each([
    [['java'], {}, ['/tmp']],
    [['java', '-Djava.io.tmpdir=/a', '-Djava.io.tmpdir=/b', 'App'], {}, ['/b', '/tmp']],
    [['java', '-Djava.io.tmpdir=relative'], {}, ['/tmp']],
    [['java', '-Djava.io.tmpdir=/a', '-XX:FlightRecorderOptions=stackdepth=9,repository=/r,maxchunksize=1m'], {}, ['/r', '/tmp']],
    [['java', '-XX:FlightRecorderOptions:repository=/r'], {}, ['/r', '/tmp']],
    [['java', '-Djava.io.tmpdir=/a'], { 'env-tmpdir': '/work', 'env-repository': '/r' }, ['/a', '/r', '/work', '/tmp']],
    [['java'], { 'env-tmpdir': '/tmp' }, ['/tmp']],
  ])('is that of the folders: %j %j', (argv, tells, folders) => expect(foldersOf({ argv, tells })).toEqual(folders));

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
