import { describe, expect, it } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import { KprofError } from '../../src/errors.ts';
import { parse } from '../../src/parse.ts';
import type { Process, Tools } from '../../src/toolkit.ts';
import { jfr } from '../../toolkits/jfr.ts';

const ours: Tools = { has: (program) => program !== 'jcmd', jdk: undefined };
const process = { pid: 1, argv: ['java'], tells: {} } as unknown as Process;

const plan = (facts: Record<string, string>, ...argv: readonly string[]) => {
  const { options } = parse(argv, jfr.flags, () => new Uint8Array());
  const made = makePlan({ options } as never, jfr.ways(options)[0] as never, { process, tools: ours, facts, id: 'abc' });
  return made as Exclude<typeof made, { kind: 'inspect' }>;
};
const start = (facts: Record<string, string>, ...argv: readonly string[]) => JSON.stringify(plan(facts, ...argv).steps[0]);

// What JFR.check verbose=true of JDK 17 and 25 prints of a recording by somebody else.
const taking =
  'Recording 8: name=mine (running)\n\n Initial Environment Variable (jdk.InitialEnvironmentVariable)\n   [enabled=true,period=endChunk]\n';
const leaving =
  'Recording 8: name=mine (running)\n\n Initial Environment Variable (jdk.InitialEnvironmentVariable)\n   [enabled=false]\n CPU Load (jdk.CPULoad)\n   [enabled=true,period=1000 ms]\n';
const version = (jdk: string) => `OpenJDK 64-Bit Server VM version ${jdk}+9\nJDK ${jdk}\n`;

describe('what holds secrets', () => {
  it('is left out', () => {
    for (const event of ['InitialEnvironmentVariable', 'InitialSystemProperty'])
      expect(start({ version: version('17.0.1') })).toContain(`jdk.${event}#enabled=false`);
  });

  it('is recorded when it is asked for', () => {
    expect(start({ version: version('17.0.1') }, '--with-environment')).not.toContain('Initial');
  });

  it('is looked for in what came, as others may have recorded it meanwhile', () => {
    const recordings = 'Recording 2: name=kprof-left-xyz (running)\n';
    for (const verb of [[], ['--dump'], ['--stop']]) {
      expect(plan({ recordings }, ...verb).result).toMatchObject({ secrets: 'refused' });
      expect(plan({ recordings }, ...verb, '--with-environment').result).not.toHaveProperty('secrets');
    }
  });

  it('can not be left out where another recording takes it, or the JDK can not', () => {
    expect(() => plan({ recordings: taking })).toThrow('Another recording');
    expect(() => plan({ version: version('11.0.20') })).toThrow('JDK 11');
    expect(() => plan({ recordings: leaving })).not.toThrow();
    expect(() => plan({ recordings: taking, version: version('11.0.20') }, '--with-environment')).not.toThrow();
  });
});

describe('a JVM without JFR', () => {
  const other = expect.objectContaining({ failure: 'unsupported', hint: expect.stringContaining('kprof asprof') });
  it.each(['Module jdk.jfr not found.\nFlight Recorder can not be enabled.\n', 'Flight Recorder is disabled.\n'])('says so: %j', (said) => {
    for (const argv of [[], ['--start'], ['--dump'], ['--stop'], ['--status']])
      expect(() => plan({ recordings: `Connected to remote JVM\nJVM response code = 0\n${said}` }, ...argv)).toThrow(other);
  });

  it('may not know its commands', () => {
    const [way] = jfr.ways({} as never) as readonly { failed?: (error: KprofError) => KprofError }[];
    const failed = (cause: string) => way?.failed?.(new KprofError('failed', 'it could not', { cause }));
    expect(failed('Connected to remote JVM\njava.lang.IllegalArgumentException: Unknown diagnostic command\n')).toEqual(other);
    expect(failed('Connection refused')).toMatchObject({ failure: 'failed', message: 'it could not' });
  });
});

describe('the plan', () => {
  it('starts, waits and stops the recording of its own name, and can undo the start', () => {
    const { steps } = plan({}, '--duration', '15s');
    expect(steps).toMatchObject([
      {
        run: [
          'jattach',
          '1',
          'jcmd',
          expect.stringMatching(/^JFR.start name=kprof-abc settings=profile .*duration=75s filename=\/tmp\/kprof-abc\/recording.jfr /),
        ],
        undo: ['jattach', '1', 'jcmd', 'JFR.stop name=kprof-abc'],
      },
      { wait: 15_000 },
      { run: ['jattach', '1', 'jcmd', 'JFR.stop name=kprof-abc filename=/tmp/kprof-abc/recording.jfr'], undo: 'ends an earlier step' },
    ]);
  });
});

describe('a recording that is left running', () => {
  const left = 'Recording 2: name=kprof-left-xyz maxage=1h (running)\n';
  const said = (made: ReturnType<typeof plan>) => made.steps.map((step) => ('run' in step ? step.run.at(-1) : step.wait));

  it('is begun with its limits, and undone only as long as it is not whole', () => {
    const made = plan({}, '--start', '--maxage', '30m', '--maxsize', '1G');
    expect(made).toMatchObject({ kind: 'stream', steps: [{ undo: ['jattach', '1', 'jcmd', 'JFR.stop name=kprof-left-abc'] }] });
    expect(said(made)[0]).toMatch(/^JFR.start name=kprof-left-abc settings=profile disk=true dumponexit=false maxage=1800s maxsize=1g jdk/);
    expect(said(made)[0]).not.toMatch(/duration|filename/);
    expect(() => plan({ recordings: left }, '--start')).toThrow('left running');
    expect(jfr.tells?.({ start: true })).toBe(true);
  });

  it('is fetched, and ended when asked for, and no other is', () => {
    expect(said(plan({ recordings: left }, '--dump'))).toEqual(['JFR.dump name=kprof-left-xyz filename=/tmp/kprof-abc/recording.jfr']);
    expect(said(plan({ recordings: left }, '--stop'))).toEqual(['JFR.stop name=kprof-left-xyz filename=/tmp/kprof-abc/recording.jfr']);
    for (const verb of ['--dump', '--stop']) {
      expect(() => plan({ recordings: 'Recording 1: name=mine (running)\n' }, verb)).toThrow('not touched');
      expect(() => plan({ recordings: left + taking }, verb)).toThrow('secrets');
    }
    expect(jfr.tells?.({ dump: true })).toBe(false);
  });

  it('keeps to what the disk bears, and a JVM whose disk is full is left alone', () => {
    const space = (mebibytes: number) => ({ space: `${mebibytes * 256} 9999999 4096 ext2/ext3\n` });
    expect(start(space(126))).toContain(' maxsize=50M ');
    const left50 = plan(space(126), '--start').steps[0];
    expect(JSON.stringify(left50)).toContain(' maxsize=50M');
    expect(left50 !== undefined && 'remark' in left50 && left50.remark?.('')).toMatch(/50M at most/);
    const recordings = 'Recording 2: name=kprof-left-xyz maxsize=256.0MB (running)\n';
    expect(said(plan({ recordings, ...space(126) }, '--stop'))).toEqual([
      'JFR.dump name=kprof-left-xyz filename=/tmp/kprof-abc/recording.jfr maxsize=100M',
      'JFR.stop name=kprof-left-xyz',
    ]);
    for (const argv of [[], ['--start'], ['--dump'], ['--stop']])
      expect(() => plan({ recordings: argv[0] === '--start' ? '' : recordings, ...space(4) }, ...argv)).toThrow(
        'a JVM ends when it is full',
      );
    expect(() => plan({ recordings, ...space(4) }, '--dump')).toThrow(/^A copy would fill .* so none is made$/);
    expect(() => plan({ recordings, ...space(4) }, '--status')).not.toThrow();
  });

  it('is fetched in part where a limit may be taken', () => {
    const recordings = 'Recording 2: name=kprof-left-xyz maxsize=256.0MB (running)\n';
    const bears = { storage: 200 * 2 ** 20, volumes: [] };
    const limited = (verb: string) => {
      const { options } = parse([verb], jfr.flags, () => new Uint8Array());
      const around = { process, tools: ours, facts: { recordings }, id: 'abc', bears: bears as never };
      return makePlan({ options } as never, jfr.ways(options)[0] as never, around) as ReturnType<typeof plan>;
    };
    const copied = 'JFR.dump name=kprof-left-xyz filename=/tmp/kprof-abc/recording.jfr maxsize=8M';
    expect(said(limited('--dump'))).toEqual([copied]);
    expect(said(limited('--stop'))).toEqual([copied, 'JFR.stop name=kprof-left-xyz']);
    expect(limited('--dump')).toMatchObject({ notes: [expect.stringContaining('a copy of 8M at most is made')] });
  });

  it('is listed with all others', () => {
    const { compose } = plan({}, '--status') as unknown as { compose: (outputs: readonly string[]) => { text: string; facts: object } };
    expect(compose([`${left}Recording 3: name=mine (running)\nRecording 4: name=kprof-q duration=75s (running)\n`])).toEqual({
      text: [
        'NAME             STATE     BY                 LIMITS',
        'kprof-left-xyz   running   kprof --start      maxage=1h',
        'mine             running   somebody else',
        'kprof-q          running   kprof, a capture   duration=75s',
        '',
      ].join('\n'),
      facts: { 'kprof-left-xyz': 'running', mine: 'running', 'kprof-q': 'running' },
    });
    expect(compose(['No available recordings.\n']).text).toBe('No recordings\n');
  });

  it('is one thing at a time', () => {
    expect(() => plan({}, '--start', '--stop')).toThrow('do not go together');
    expect(() => plan({}, '--start', '--maxsize', '1 g')).toThrow('no size');
  });
});
