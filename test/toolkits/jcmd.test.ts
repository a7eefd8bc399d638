import { describe, expect, it } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import type { Flags } from '../../src/flags.ts';
import type { Facts, Plan, Way } from '../../src/toolkit.ts';
import { jcmd } from '../../toolkits/jcmd.ts';
import { hotspot } from '../support/hotspot.ts';

function plan(command: readonly string[], facts: Facts = {}): Exclude<Plan, { kind: 'inspect' }> {
  const options = { command };
  const [way] = jcmd.ways(options);
  const made = makePlan({ options }, way as unknown as Way<Flags>, {
    process: hotspot,
    tools: { has: () => true, jdk: undefined },
    facts,
    id: 'abc',
  });
  if (made.kind === 'inspect') throw new Error(made.kind);
  return made;
}

describe('a diagnostic command', () => {
  it('that answers is printed', () => {
    expect(plan(['VM.flags', '-all'])).toMatchObject({ kind: 'stream', steps: [{ run: ['jattach', '7', 'jcmd', 'VM.flags -all'] }] });
    expect(jcmd.printsWith?.({ command: ['VM.flags'] })).toBe(true);
  });

  it('is the list of all where none is typed', () => {
    expect(plan([])).toMatchObject({ steps: [{ run: ['jattach', '7', 'jcmd', 'help'] }] });
  });

  it('that writes a file has it fetched, from the debug container where it can', () => {
    expect(plan(['GC.heap_dump', '-all'])).toMatchObject({
      kind: 'file',
      steps: [{ run: ['jattach', '7', 'jcmd', 'GC.heap_dump -all /proc/$room/root/tmp/kprof-abc/heap.hprof'], room: true }],
      result: { file: { at: 'tool' } },
    });
    // It is written in Java, and not found there.
    expect(plan(['Thread.dump_to_file', '-format=json'])).toMatchObject({
      steps: [{ run: ['jattach', '7', 'jcmd', 'Thread.dump_to_file -format=json /tmp/kprof-abc/threads.txt'] }],
      result: { file: { at: 'target' } },
    });
    const recording = plan(['JFR.dump', 'filename=/tmp/mine.jfr']);
    expect(recording).toMatchObject({
      steps: [{ run: ['jattach', '7', 'jcmd', 'JFR.dump filename=/tmp/kprof-abc/recording.jfr'] }],
      result: { file: { at: 'target' } },
      notes: [expect.stringContaining('instead of to filename=/tmp/mine.jfr')],
    });
    expect(jcmd.ways({ command: ['JFR.dump'] })[0]).toMatchObject({ format: 'jfr' });
    expect(jcmd.printsWith?.({ command: ['JFR.dump'] })).toBe(false);
  });

  it('that is dangerous says so first', () => {
    expect(plan(['VM.set_flag', 'X', '1']).costs).toContain('changes how the JVM works');
    expect(plan(['X.y'], { about: 'Impact: High: much\n' }).costs).toContain('impact: High: much');
    expect(plan(['VM.uptime'], { about: 'Impact: Low\n' }).costs).toBeUndefined();
  });
});
