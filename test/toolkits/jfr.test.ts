import { describe, expect, it } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import { parse } from '../../src/parse.ts';
import type { Process, Tools } from '../../src/toolkit.ts';
import { jfr } from '../../toolkits/jfr.ts';

const ours: Tools = { has: (program) => program !== 'jcmd', jdk: undefined };
const process = { pid: 1 } as Process;

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

  it('can not be left out where another recording takes it, or the JDK can not', () => {
    expect(() => plan({ recordings: taking })).toThrow('Another recording');
    expect(() => plan({ version: version('11.0.20') })).toThrow('JDK 11');
    expect(() => plan({ recordings: leaving })).not.toThrow();
    expect(() => plan({ recordings: taking, version: version('11.0.20') }, '--with-environment')).not.toThrow();
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
