import { describe, expect, it } from 'vitest';
import { checkAnswer, checkKnown, checkWords, effectOf, typedCommand, withFile, writers } from '../../src/runtimes/jcmd.ts';
import { hotspot } from '../support/hotspot.ts';

const ours = { has: (program: string) => program === 'jattach', jdk: undefined };
const stock = { has: (program: string) => program === 'jcmd', jdk: '25.0.3' };

describe('a command as it was typed', () => {
  it.each([
    [[], 'help'],
    [['VM.flags', '-all'], 'VM.flags -all'],
    [['VM.log', 'what=gc*=debug,safepoint'], 'VM.log what=gc*=debug,safepoint'],
    [['JFR.start', 'filename=/tmp/a b.jfr'], 'JFR.start filename="/tmp/a b.jfr"'],
    [['X.y', 'it"s'], `X.y 'it"s'`],
  ])('%j reaches the JVM', (words, command) => {
    expect(typedCommand(ours, hotspot, words)).toEqual(['jattach', '7', 'jcmd', command]);
    expect(typedCommand(stock, hotspot, words).slice(5).join(' ')).toBe(command);
  });

  it.each([[['VM.flags\nVM.x']], [['VM.flags', 'a\nb']], [['VM.flags', `a'"b c`]], [['-all']], [['a b']]])('%j is refused', (words) => {
    expect(() => typedCommand(ours, hotspot, words)).toThrow(expect.objectContaining({ failure: 'usage' }));
  });
});

describe('what is said before', () => {
  it.each([
    ['VM.flags', 'Impact: Low\n', undefined],
    ['Thread.print', 'Impact: Medium: Depends on the number of threads.\n', undefined],
    ['GC.class_histogram', 'Impact: High: Depends on Java heap size and content.\n', /may hold the app up .*impact: High: Depends/],
    ['VM.set_flag', 'Impact: Low\n', /changes how the JVM works$/],
    ['JVMTI.agent_load', '', /loads a program/],
    ['GC.run', 'Impact: Medium: Depends on Java heap size and content.\n', /^GC.run collects all garbage/],
    ['System.trim_native_heap', 'Impact: Low\n', /gives memory back/],
    ['VM.native_memory summary', 'Impact: Medium\n', undefined],
    ['VM.native_memory scale=KB shutdown=true', 'Impact: Medium\n', /^VM.native_memory ends the tracking/],
    ['VM.log list', 'Impact: Low: No impact\n', undefined],
    ['VM.log list disable', 'Impact: Low: No impact\n', /changes what the JVM logs/],
    ['JFR.configure', 'Impact: Low\n', undefined],
    ['JFR.configure stackdepth=70', 'Impact: Low\n', /everybody records/],
  ])('of %s', (typed, about, expected) => {
    const effect = effectOf(typed.split(' '), { about });
    if (expected === undefined) expect(effect).toBeUndefined();
    else expect(effect).toMatch(expected);
  });

  it('a command that there is not is told with one that is near, and a hidden one goes through', () => {
    const list = 'The following commands are available:\nGC.heap_dump\nVM.flags\nhelp\n';
    const unknown = (name: string) => () => checkKnown(name, { list, about: `Help unavailable : '${name}' : No such command\n` });
    expect(unknown('VM.flgs')).toThrow(expect.objectContaining({ hint: expect.stringContaining('did you mean VM.flags?') }));
    expect(unknown('flags')).toThrow(expect.objectContaining({ hint: expect.stringContaining('did you mean VM.flags?') }));
    expect(() => checkKnown('VM.flags', { list, about: '' })).not.toThrow();
    expect(() => checkKnown('Hidden.one', { list, about: 'Hidden.one\nImpact: Low\n' })).not.toThrow();
    expect(() => checkKnown('VM.flags', {})).not.toThrow();
  });
});

const head = 'Connected to remote JVM\nJVM response code = 0\n';

it.each([
  ['VM.native_memory', 'Native memory tracking is not enabled\n'],
  ['JFR.dump', 'No recordings to dump from. Use JFR.start to start a recording.\n'],
  ['JFR.stop', 'Could not stop recording "q".\n'],
  ['GC.heap_dump', 'Dumping heap to /nope/x ...\nUnable to create /nope/x: No such file or directory\n'],
  ['VM.set_flag', 'flag nope does not exist\n'],
  ['JVMTI.agent_load', '/nope.so was not loaded.\n/nope.so: cannot open shared object file: No such file or directory\n'],
  ['Thread.dump_to_file', '/tmp/x exists, use -overwrite to overwrite\n'],
  ['VM.set_flag', "only 'writeable' flags can be set\n"],
  ['VM.set_flag', 'flag value is missing\n'],
  ['VM.set_flag', 'MinHeapFreeRatio error: must have value in range [0...100]\n'],
  ['VM.set_flag', 'flag value must be a boolean (1/0 or true/false)\n'],
  ['VM.native_memory', 'No baseline for comparison\n'],
  ['VM.native_memory', 'This option is deprecated and will be ignored.\n'],
  ['VM.log', "Invalid tag 'xyz' in log selection.\n"],
  ['VM.print_touched_methods', 'VM.print_touched_methods command requires -XX:+LogTouchedMethods\n'],
  ['JFR.view', 'No recording data available. Start a recording with JFR.start.\n'],
  ['JFR.start', 'Integer parsing error nanotime value: unit required\n'],
  ['JFR.check', 'Could not find zzz.\n\nUse JFR.check without options to see list of all available recordings.\n'],
  ['AOT.end_recording', 'AOT.end_recording is unsupported when VM flags -XX:AOTMode=record or -XX:AOTCacheOutput=<file> are missing.\n'],
  ['Compiler.perfmap', 'Warning: Failed to create /nonexist/x.map for perf map\n'],
  ['GC.run', 'Explicit GC is disabled, no GC has been performed.\n'],
  ['JVMTI.agent_load', 'return code: -1\n'],
  ['VM.flags', "java.lang.IllegalArgumentException: Unknown argument '-nope' in diagnostic command.\n"],
])('%s that failed is a failure, whatever jcmd says', (name, answer) => {
  expect(() => checkAnswer(name, head + answer)).toThrow(expect.objectContaining({ failure: 'failed', cause: answer.trim() }));
});

it.each([
  ['JFR.check', 'No available recordings.\n\nUse jcmd 1 JFR.start to start a recording.\n'],
  ['GC.run', 'Command executed successfully\n'],
  ['VM.uptime', '5.918 s\n'],
  ['Thread.print', `${'"main" waits\n'.repeat(9)}java.lang.Error\n`],
  ['VM.log', ''],
  ['VM.set_flag', ''],
  ['VM.native_memory', 'Baseline taken\n'],
  ['JFR.start', 'Started recording 1.\n\nUse jcmd 1 JFR.dump name=x filename=FILEPATH to copy recording data to file.\n'],
  ['JFR.start', 'Recording 1 scheduled to start in 30 s.\n\nUse jcmd 1 JFR.dump name=1 to copy recording data to file.\n'],
  ['JVMTI.agent_load', 'return code: 0\n'],
  ['GC.finalizer_info', 'No instances waiting for finalization found\n'],
  ['ManagementAgent.status', 'Agent: disabled\n'],
  ['System.trim_native_heap', 'Trim native heap: RSS+Swap: 80776K->69640K (-11136K)\n'],
])('%s that went well is none', (name, answer) => {
  expect(() => checkAnswer(name, head + answer)).not.toThrow();
});

it.each([
  ['Static dump: /tmp/java_pid978_static.jsa\n', true],
  ['Static dump:\n', true], // JDK 17
  ['Static dump: java.io.IOException: No such file or directory\n', false],
  ['Dynamic dump:\nDump dynamic should run with -XX:+RecordDynamicDumpInfo\n', false],
  ['Invalid command for VM.cds, valid input is static_dump or dynamic_dump\n', false],
])('of %j a class archive was written: %s', (answer, written) => expect(writers['VM.cds']?.written.test(answer)).toBe(written));

it('a heap dump is not packed by the JVM', () => {
  expect(() => checkWords(['GC.heap_dump', '-gz=1', 'x.gz'])).toThrow(
    expect.objectContaining({ failure: 'usage', hint: expect.stringContaining('kprof packs') }),
  );
  for (const words of [
    ['GC.heap_dump', '-all', '/tmp/-gz'],
    ['VM.flags', '-gz'],
  ])
    expect(() => checkWords(words)).not.toThrow();
});

it('a file that stays is told before', () => {
  expect(effectOf(['Compiler.perfmap'], {})).toContain('/tmp/perf-PID.map');
});

describe('the file that a command writes', () => {
  const path = '/proc/$room/root/tmp/x';
  it.each([
    [['GC.heap_dump', '-all'], ['GC.heap_dump', '-all', path], undefined],
    [['GC.heap_dump', '-all', '/tmp/a.hprof'], ['GC.heap_dump', '-all', path], '/tmp/a.hprof'],
    [['JFR.dump', 'name=1', 'filename=/a.jfr'], ['JFR.dump', 'name=1', `filename=${path}`], 'filename=/a.jfr'],
    [['VM.cds', 'static_dump'], ['VM.cds', 'static_dump', path], undefined],
    [['VM.cds', 'static_dump', 'a.jsa'], ['VM.cds', 'static_dump', path], 'a.jsa'],
  ])('of %j is ours', (typed, words, replaced) => {
    const writer = writers[typed[0] as string];
    if (writer === undefined) throw new Error('none');
    expect(withFile(typed, writer, path)).toEqual({ words, replaced });
  });
});
