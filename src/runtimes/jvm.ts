/**
 * HotSpot JVMs: how to tell one, the argv of what attaches to one, and what their answers mean.
 * Attach: the client leaves a file, sends SIGQUIT, and the JVM opens /tmp/.java_pidN
 * (https://github.com/openjdk/jdk/blob/master/src/hotspot/os/posix/attachListener_posix.cpp).
 * Whoever has no handler for SIGQUIT dies of it, and a JVM that may not attach prints thread dumps instead.
 */
import { KprofError, NotYet } from '../errors.ts';
import type { Flags } from '../flags.ts';
import type { Argv, Process, Toolkit, Tools, Way } from '../toolkit.ts';
import { handlesSignal } from './signals.ts';

const isOpenJ9 = ({ maps }: Process): boolean => maps.some((library) => library.startsWith('libj9vm'));

/** True for a process that runs HotSpot; OpenJ9, which has a libjvm.so too, and native images are not. */
export const isHotSpot = (process: Process): boolean => process.maps.includes('libjvm.so') && !isOpenJ9(process);

/** What else runs Java, and takes none of HotSpot's commands. */
const otherJava = (process: Process): string | undefined => {
  if (isOpenJ9(process)) return 'runs Eclipse OpenJ9, which takes neither the commands of HotSpot nor its SIGQUIT';
  return process.tells['native-image'] === 'yes'
    ? 'is a native image of GraalVM, which has no JVM to send commands to, and may die of SIGQUIT'
    : undefined;
};

/** Throws for Java that is not HotSpot. */
function guardHotSpot(process: Process): void {
  const other = otherJava(process);
  if (other === undefined) return;
  const hint = isOpenJ9(process)
    ? "the tools of the app's own JDK, such as its jcmd, in the app's container"
    : 'what was built in with native-image --enable-monitoring, such as heap dumps by SIGUSR1';
  throw new KprofError('unsupported', `Process ${process.pid} ${other}`, { hint });
}

/** What images, commands and variables of JVM containers are called. */
export const likelyJvm: RegExp =
  /java|jdk|jre|jvm|temurin|corretto|zulu|liberica|tomcat|jetty|spring|quarkus|micronaut|wildfly|kafka|elasticsearch|\.jar\b/i;

/** The first jcmd that attaches across containers: earlier ones look in their own /tmp (JDK-8327114). */
const firstFitJcmd = 23;

const attachOption = /^-XX:([+-])DisableAttachMechanism$/;

/** True where an option on the command line or in the environment turns attaching off; of several, the last counts. */
function attachDisabled({ argv, tells }: Process): boolean {
  const words = [tells['env-attach'] ?? '', ...argv].filter((word) => attachOption.test(word));
  return tells['attach'] === '0' || words.at(-1)?.startsWith('-XX:+') === true;
}

/** Throws when attaching would fail or do harm. To be called before anything is sent to the process. */
export function guardAttach(process: Process, tools: Tools): void {
  guardHotSpot(process);
  const jvm = `The JVM ${process.pid}`;
  if (attachDisabled(process)) {
    throw new KprofError('unsupported', `${jvm} does not take attach requests: it runs with -XX:+DisableAttachMechanism`, {
      hint: 'restart the app without -XX:+DisableAttachMechanism',
    });
  }
  const tmp = process.tells['tmp'] ?? 'writable';
  if (tmp !== 'writable') {
    throw new KprofError('unsupported', `${jvm} has no /tmp that it can write to, and a JVM takes attach requests nowhere else`, {
      cause: tmp,
      hint: 'mount an emptyDir at /tmp in this container: volumeMounts: [{name: tmp, mountPath: /tmp}], volumes: [{name: tmp, emptyDir: {}}]',
    });
  }
  if (process.tells['door'] === 'foreign') {
    throw new KprofError(
      'unsupported',
      `${jvm} can't be attached to: another JVM of this pod answers at its /tmp/.java_pid${process.pid}`,
      {
        cause: `their containers have one /tmp, and each JVM is process ${process.pid} of its own`,
        hint: 'mount another emptyDir at /tmp in each container: volumeMounts: [{name: tmp-app, mountPath: /tmp}], volumes: [{name: tmp-app, emptyDir: {}}]',
      },
    );
  }
  // With -Xrs its door is open from the start, and nobody has to knock.
  if (!handlesSignal(process, 'SIGQUIT') && process.tells['door'] !== 'open') {
    const [what, hint] = [`${jvm} does not handle SIGQUIT, which attaching would send: it would die`, 'restart the app without -Xrs'];
    // It may have begun this very moment.
    throw process.argv.includes('-Xrs') ? new KprofError('unsupported', what, { hint }) : new NotYet('unsupported', what, { hint });
  }
  guardTools(tools);
}

/** Throws when the process would die of SIGQUIT, or is no JVM that prints its threads then. */
export function guardSigquit(process: Process): void {
  guardHotSpot(process);
  if (!isHotSpot(process) || !handlesSignal(process, 'SIGQUIT'))
    throw new KprofError('unsupported', `Process ${process.pid} does not handle SIGQUIT: it would die of it`);
}

function guardTools(tools: Tools): void {
  if (tools.has('jattach')) return;
  const hint = 'use an image with jattach, or with the jcmd of JDK 25: --image eclipse-temurin:25-jdk';
  if (!tools.has('jcmd')) throw new KprofError('unsupported', 'The debug image has neither jattach nor jcmd', { hint });
  if (!(Number.parseInt(tools.jdk ?? '', 10) >= firstFitJcmd)) {
    throw new KprofError(
      'unsupported',
      `The jcmd of the debug image is of JDK ${tools.jdk ?? '?'}, which can't attach to another container`,
      { hint },
    );
  }
}

/** A value in jcmd's own grammar, which splits at spaces and commas: quoting differs between JDKs, so what would need it is refused. */
function word(name: string, value: string): string {
  if (!/^[\w./:=#$+-]+$/.test(value)) throw new KprofError('usage', `${name} can't hold ${JSON.stringify(value)} in a JVM's command`);
  return value;
}

/** The argv that sends a diagnostic command (https://docs.oracle.com/en/java/javase/25/docs/specs/man/jcmd.html) to a JVM. */
export function diagnosticCommand(
  tools: Tools,
  process: Process,
  command: string,
  args: readonly (string | readonly [name: string, value: string])[] = [],
): Argv {
  const words = args.map((arg) => (typeof arg === 'string' ? word(command, arg) : `${arg[0]}=${word(arg[0], arg[1])}`));
  const pid = String(process.pid);
  if (tools.has('jattach')) return ['jattach', pid, 'jcmd', [command, ...words].join(' ')];
  // Its own JVM lives on the pod's memory.
  return ['jcmd', '-J-Xmx64m', '-J-XX:+UseSerialGC', '-J-XX:-UsePerfData', pid, command, ...words];
}

/** The answer proper: without jattach's two lines and jcmd's first. */
export const answer = (stdout: string): string =>
  stdout
    .replace(/^Connected to remote JVM\n/, '')
    .replace(/^JVM response code = 0\n/, '')
    .replace(/^\d+:\n/, '');

/** A check that throws unless the answer matches: a JVM reports its own failures with exit code 0. */
export const answers =
  (expected: RegExp, what: string): ((stdout: string) => void) =>
  (stdout) => {
    if (!expected.test(answer(stdout))) throw unexpected(what, stdout);
  };

/** The error where an answer is not what it should be; `what` fits after «could not». */
export const unexpected = (what: string, stdout: string): KprofError =>
  new KprofError('failed', `The JVM could not ${what}`, { cause: answer(stdout).trim().slice(0, 2000) || 'it answered nothing' });

/** «OpenJDK 64-Bit Server VM 25.0.3+9-LTS» of VM.version's answer; undefined when it is none. */
export function parseVersion(stdout: string): { readonly text: string; readonly major: number } | undefined {
  const found = /^(.+) version (\S+)\nJDK (\d+)[.\w+-]*/m.exec(answer(stdout));
  return found === null ? undefined : { text: `${found[1]} ${found[2]}`, major: Number(found[3]) };
}

/** What every tool for a JVM looks for. */
export const jvm: Pick<Toolkit, 'looksFor' | 'likely' | 'matches'> = {
  looksFor: 'JVM',
  likely: likelyJvm,
  matches: (process) => isHotSpot(process) || otherJava(process) !== undefined,
};

/** The way in by attaching, but for what is asked of the JVM then. */
export const attaching: Omit<Way<Flags>, 'risk' | 'format' | 'plan' | 'probe'> & {
  probe(process: Process, tools: Tools): Readonly<Record<string, Argv>>;
} = {
  image: 'jvm',
  access: 'attach',
  guard: guardAttach,
  probe: (process, tools) => ({ version: diagnosticCommand(tools, process, 'VM.version') }),
  runtime: ({ version = '' }) => parseVersion(version)?.text,
};
