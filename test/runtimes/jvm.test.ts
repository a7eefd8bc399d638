import { describe, expect, it } from 'vitest';
import { NotYet } from '../../src/errors.ts';
import {
  answer,
  answers,
  diagnosticCommand,
  guardAttach,
  guardSigquit,
  isHotSpot,
  parseVersion,
  jvm as runtime,
} from '../../src/runtimes/jvm.ts';
import type { Process, Tools } from '../../src/toolkit.ts';

const jvm: Process = {
  pid: 1,
  ppid: 0,
  started: '1',
  uid: 1000,
  gid: 1000,
  groups: [],
  comm: 'java',
  argv: ['java', '-jar', 'app.jar'],
  exe: '/jre/bin/java',
  handles: 0x4n,
  capabilities: 0n,
  tracer: 0,
  maps: ['libjvm.so'],
  tells: { attach: '1', tmp: 'writable' },
};
const ours: Tools = { has: (program) => program !== 'jcmd', jdk: undefined };
const stock = (jdk: string | undefined): Tools => ({ has: (program) => program === 'jcmd', jdk });

describe('isHotSpot', () => {
  it('goes by the library, not by the name', () => {
    expect(isHotSpot(jvm)).toBe(true);
    expect(isHotSpot({ ...jvm, maps: [] })).toBe(false);
    expect(isHotSpot({ ...jvm, maps: ['libj9vm29.so'] })).toBe(false);
    expect(isHotSpot({ ...jvm, comm: 'nginx' })).toBe(true);
  });
});

describe('guardAttach', () => {
  it('lets a plain JVM pass', () => expect(() => guardAttach(jvm, ours)).not.toThrow());

  it.each<[string, Partial<Process>, string]>([
    ['attach disabled on the command line', { argv: ['java', '-XX:+DisableAttachMechanism', 'App'] }, 'DisableAttachMechanism'],
    ['attach disabled in the environment', { tells: { 'env-attach': '-XX:+DisableAttachMechanism' } }, 'DisableAttachMechanism'],
    ['attach disabled wherever, says the JVM', { tells: { attach: '0' } }, 'DisableAttachMechanism'],
    ['no writable /tmp', { tells: { tmp: 'inroot: may /tmp/kprof: EROFS Read-only file system' } }, 'no /tmp'],
    ['no handler for SIGQUIT', { handles: 0xfffbn }, 'SIGQUIT'],
  ])('refuses %s', (_, change, message) => {
    expect(() => guardAttach({ ...jvm, ...change }, ours)).toThrow(message);
  });

  it('goes by the last of several options', () => {
    const argv = ['java', '-XX:+DisableAttachMechanism', '-XX:-DisableAttachMechanism', 'App'];
    expect(() => guardAttach({ ...jvm, argv }, ours)).not.toThrow();
  });

  it.each([
    ['17.0.15', false],
    ['22', false],
    ['23', true],
    ['25.0.3', true],
    [undefined, false],
  ])('with a jcmd of JDK %s: %s', (jdk, fits) => {
    const guard = () => guardAttach(jvm, stock(jdk));
    if (fits) expect(guard).not.toThrow();
    else expect(guard).toThrow("can't attach");
  });

  it('needs jattach or jcmd', () =>
    expect(() => guardAttach(jvm, { has: () => false, jdk: undefined })).toThrow('neither jattach nor jcmd'));
});

describe('diagnosticCommand', () => {
  it('is one argument for jattach', () => {
    expect(diagnosticCommand(ours, jvm, 'JFR.stop', [['name', 'kprof-1']])).toEqual(['jattach', '1', 'jcmd', 'JFR.stop name=kprof-1']);
  });

  it('is one argument each for jcmd', () => {
    expect(diagnosticCommand(stock('25'), jvm, 'JFR.stop', [['name', 'kprof-1']]).slice(-3)).toEqual(['1', 'JFR.stop', 'name=kprof-1']);
  });

  it.each(['/tmp/a b.jfr', 'a,b', 'a"b', "a'b", 'a\nb', '', 'a;b', 'a\\b', 'é'])('refuses the value %j', (value) => {
    expect(() => diagnosticCommand(ours, jvm, 'JFR.start', [['filename', value]])).toThrow("can't hold");
  });
});

describe('answers', () => {
  const check = answers(/^Started recording \d+/m, 'start a recording');

  it.each(['Connected to remote JVM\nJVM response code = 0\nStarted recording 1.\n', '7:\nStarted recording 3. The result …\n'])(
    'accepts %j',
    (stdout) => {
      expect(() => check(stdout)).not.toThrow();
    },
  );

  it('throws with what the JVM said, which exits 0 whatever happened', () => {
    expect(() =>
      check('Connected to remote JVM\nJVM response code = 0\nCould not start recording, duration must be at least 1 second.\n'),
    ).toThrow('start a recording');
    expect(() => check('')).toThrow('start a recording');
  });
});

describe('parseVersion', () => {
  it.each([
    [
      'Connected to remote JVM\nJVM response code = 0\nOpenJDK 64-Bit Server VM version 17.0.15+6-Debian-1deb12u1\nJDK 17.0.15\n',
      'OpenJDK 64-Bit Server VM 17.0.15+6-Debian-1deb12u1',
      17,
    ],
    ['1:\nOpenJDK 64-Bit Server VM version 25.0.3+9-LTS\nJDK 25.0.3\n', 'OpenJDK 64-Bit Server VM 25.0.3+9-LTS', 25],
    ['OpenJDK 64-Bit Server VM version 25.442-b06\nJDK 8.0_442\n', 'OpenJDK 64-Bit Server VM 25.442-b06', 8],
  ])('reads %j', (stdout, text, major) => expect(parseVersion(stdout)).toEqual({ text, major }));

  it('is undefined for something else', () => expect(parseVersion(answer('nonsense'))).toBeUndefined());
});

describe('Java that is not HotSpot', () => {
  it.each([
    ['OpenJ9', { ...jvm, maps: ['libj9vm29.so', 'libjvm.so'] }, /runs Eclipse OpenJ9/],
    ['a native image', { ...jvm, maps: [], tells: { 'native-image': 'yes' } }, /is a native image of GraalVM/],
  ])('%s is recognised, and left alone', (_, process, says) => {
    expect(isHotSpot(process)).toBe(false);
    expect(runtime.matches(process)).toBe(true);
    expect(() => guardAttach(process, { has: () => true, jdk: undefined })).toThrow(says);
    expect(() => guardSigquit(process)).toThrow(says);
  });

  it('a JVM that handles no SIGQUIT may only have begun, unless it says so itself', () => {
    const guard = (argv: readonly string[]) => () => guardAttach({ ...jvm, handles: 0n, argv }, { has: () => true, jdk: undefined });
    expect(guard(['java', 'App'])).toThrow(NotYet);
    expect(guard(['java', '-Xrs', 'App'])).not.toThrow(NotYet);
    expect(guard(['java', '-Xrs', 'App'])).toThrow('it would die');
  });

  it('a JVM that handles no SIGQUIT can be attached to where it listens already', () => {
    const silent = { ...jvm, handles: 0n };
    const tools = { has: () => true, jdk: undefined };
    expect(() => guardAttach(silent, tools)).toThrow('does not handle SIGQUIT');
    expect(() => guardAttach({ ...silent, tells: { ...silent.tells, door: 'open' } }, tools)).not.toThrow();
  });

  it('a JVM at whose door another one answers is left alone', () => {
    const shared = { ...jvm, tells: { ...jvm.tells, door: 'foreign' } };
    expect(() => guardAttach(shared, { has: () => true, jdk: undefined })).toThrow(
      expect.objectContaining({ failure: 'unsupported', message: expect.stringContaining('another JVM of this pod answers') }),
    );
    expect(() => guardSigquit(shared)).not.toThrow();
  });
});
