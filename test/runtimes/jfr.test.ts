import { describe, expect, it } from 'vitest';
import { guardAlone, leftRunning, parseRecordings, theLeft } from '../../src/runtimes/jfr.ts';

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
