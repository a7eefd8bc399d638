/** argv → Request, and errors → exit codes. Only here do toolkits and Kubernetes meet. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { toolkits } from '../toolkits/index.ts';
import type { Request } from './capture/request.ts';
import type { Cluster } from './cluster.ts';
import type { Perform, Typed } from './commands/around.ts';
import { type Command, commands } from './commands/index.ts';
import { type captureFlags, checkFit, checkRegistry, connectionFlags, flagsOf, withOutput } from './common.ts';
import { confirm } from './confirm.ts';
import { exitCodes, KprofError } from './errors.ts';
import type { Flags, Options } from './flags.ts';
import { riskInWords, usageOf } from './help.ts';
import { interrupts } from './interrupts.ts';
import type { ConnectionOptions } from './kube/choice.ts';
import { nearest } from './nearest.ts';
import { type Parsed, parse } from './parse.ts';
import type { Artifact } from './record.ts';
import type { Report } from './report.ts';
import type { Around } from './run.ts';
import { shellWord } from './safe.ts';
import { terminalReport } from './terminal.ts';
import type { Toolkit } from './toolkit.ts';
import { version } from './version.ts';
import { wishedViewer } from './viewers/words.ts';

/** Where kprof's own images are, unless told otherwise. */
const defaultRegistry = 'ghcr.io/kprof';

const read = (path: string): Uint8Array => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new KprofError('usage', `The file ${path} can't be read`, { cause, hint: `ls -l ${shellWord(path)}` });
  }
};

/** Runs the command line. Sets process.exitCode, and returns when all is said. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whatever is made here, by whatever umask: for this user alone, and for this user indeed.
  process.umask(0o077);
  let report = terminalReport();
  const fail = (error: unknown) => {
    const known = local(error);
    report.error(known);
    process.exitCode = exitCodes[known instanceof KprofError ? known.failure : 'failed'];
  };
  // Whoever reads us may leave at any time; that is their right, and no failure of ours.
  process.stdout.on('error', async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') fail((await import('./print.ts')).stdoutFailed(error));
  });
  try {
    const [name = '', ...rest] = argv;
    const toolkit = toolkits.find((each) => each.name === name || each.aliases?.includes(name));
    const command = commands.find((each) => each.name === name);
    if (toolkit !== undefined) {
      const parsed = parse(rest, flagsOf(toolkit), read, toolkit.habits);
      report = terminalReport({ quiet: parsed.options.quiet, verbose: parsed.options.v });
      const code = await capture(toolkit, parsed, report);
      // Stdout may have failed meanwhile.
      process.exitCode ||= code;
    } else if (command !== undefined) {
      const { options, words } = parse(rest, command.flags, read);
      report = terminalReport({ quiet: options['quiet'] === true });
      await performCommand(command.name, words, options, report);
    } else throw unknownCommand(name);
  } catch (error) {
    fail(error);
  }
}

const work = {
  open: () => import('./commands/open.ts'),
  top: () => import('./commands/top.ts'),
  diff: () => import('./commands/diff.ts'),
  ls: () => import('./commands/ls.ts'),
  resume: () => import('./commands/resume.ts'),
  stop: () => import('./commands/stop.ts'),
  gc: () => import('./commands/gc.ts'),
} satisfies Record<Command['name'], () => Promise<{ readonly run: Perform }>>;

async function performCommand(name: Command['name'], words: readonly string[], options: Options<Flags>, report: Report): Promise<void> {
  const { run } = await work[name]();
  // There is nothing of their own to clean up.
  const signals = interrupts(report, 'Stopping. Ctrl-C again leaves at once.');
  try {
    await run(words, options, {
      report,
      signal: signals.stops.abort,
      settle: signals.close,
      connect: async (flags) => (await import('./kube/cluster.ts')).connect(connection(flags), { report, version, tool: name }),
    });
  } finally {
    signals.close();
  }
}

/** What the operating system refused here is no bug of kprof. */
function local(error: unknown): unknown {
  const { syscall, message } = error as Partial<NodeJS.ErrnoException>;
  return syscall === undefined || error instanceof KprofError
    ? error
    : new KprofError('disk', `This machine refused: ${message}`, { cause: error });
}

function unknownCommand(name: string): KprofError {
  const names = [...toolkits.map((each) => each.name), ...commands.map((each) => each.name)];
  if (name.startsWith('-'))
    return new KprofError('usage', `The command comes first, not ${name}`, { hint: 'kprof jfr mypod --duration 15s' });
  const near = nearest(name, names);
  return new KprofError('usage', `There is no command "${name}"`, {
    hint: near === undefined ? `the commands are ${names.join(', ')}: kprof --help` : `did you mean kprof ${near}?`,
  });
}

type CaptureFlags = typeof connectionFlags & typeof captureFlags;
type CaptureOptions = Options<CaptureFlags>;

/** The reference to pull for an image of ours. */
const reference =
  ({ image, registry }: Pick<CaptureOptions, 'image' | 'registry'>) =>
  (name: string): string =>
    image ?? `${registry ?? checkRegistry(process.env['KPROF_REGISTRY'] || defaultRegistry, '$KPROF_REGISTRY')}/kprof-${name}:${version}`;

/** Whether the artifact is text that goes to stdout: unless a file or a record is asked for. An answer goes nowhere else. */
function printsText(toolkit: Toolkit, options: CaptureOptions): boolean {
  const { file, output } = options;
  const { name, tells, printsWith, textWith, streams = false } = toolkit;
  const prints = toolkit.prints ?? (printsWith?.(options) === true || tells?.(options) === true);
  const isText = prints || textWith?.(options) === true;
  if (file === '-' && !isText && !streams)
    throw new KprofError('usage', `-f - is for texts, and what kprof ${name} gives is none`, {
      hint: 'name a file or a folder: -f captures/',
    });
  return output === undefined && ((prints && file === undefined) || (isText && file === '-'));
}

/** Whether the artifact goes to stdout while it is captured: bytes, which are nothing for a terminal. */
function toStdout({ streams = false }: Toolkit, { file, output }: CaptureOptions): boolean {
  if (!streams || file !== '-') return false;
  if (output !== undefined) throw new KprofError('usage', `-f - sends what is captured to stdout, where -o ${output} has no place`);
  if (process.stdout.isTTY)
    throw new KprofError('usage', '-f - sends bytes to stdout, which is a terminal', { hint: 'pipe it into a program: | tshark -r -' });
  return true;
}

async function capture(toolkit: Toolkit, parsed: Parsed<CaptureFlags>, report: Report): Promise<number> {
  checkFit(toolkit, parsed.typed);
  const labels = (parsed.options as Typed)['selector'];
  // Labels stand for the name.
  const words = typeof labels === 'string' ? [`-l ${labels}`, ...parsed.words] : parsed.words;
  const options = withSecond(toolkit, { ...parsed, options: withOutput(toolkit, parsed), words });
  const where = {
    name: oneName(toolkit, words),
    container: options.container,
    likely: toolkit.likely,
    whole: toolkit.ways(options)[0]?.via === 'pod',
  };
  const prints = printsText(toolkit, options);
  const request: Request = {
    toolkit,
    options,
    where,
    connection: {},
    reference: reference(options),
    pid: options.pid,
    file: options.file === '-' ? undefined : options.file,
    stdout: toStdout(toolkit, options),
    force: options.force,
    yes: options.yes,
    allowPtrace: options['allow-ptrace'],
    pullPolicy: options['image-pull-policy'],
    timeout: options.timeout,
    ttl: Math.ceil(options.ttl / 1000),
    scratch: undefined,
  };
  const { connect } = await import('./kube/cluster.ts');
  const cluster = await connect(connection(options), { report, version, tool: toolkit.name, verbose: options.v });
  // What was typed wrongly is said before anything is done or announced.
  if (labels === undefined) cluster.check(where);
  else if (options['dry-run']) throw new KprofError('usage', '--dry-run is for one pod', { hint: 'name one of them' });
  request.reference('');
  if (request.file !== undefined) await checkFile(request.file, request.force, (options as Typed)['rotate'] !== undefined);
  await checkSecrets(toolkit, options);
  if (options['dry-run']) {
    const { dryRun } = await import('./dry-run.ts');
    const { printPlan } = await import('./print.ts');
    printPlan(await dryRun(request, cluster), options.output);
    return 0;
  }
  const signals = interrupts(report);
  await confirm(`${toolkit.name} on ${where.name} in context ${cluster.context ?? 'of the pod'}`, {
    ask: risky(toolkit, options, cluster.context),
    yes: options.yes,
    report,
    signal: signals.stops.early,
  }).finally(signals.close);
  return await performCapture({ ...request, connection: typedConnection(options, cluster) }, { cluster, report, prints, options });
}

async function checkSecrets(toolkit: Toolkit, options: CaptureOptions): Promise<void> {
  const way = toolkit.ways(options)[0];
  if (way?.via === 'pod' && way.secrets !== undefined) await (await import('./packets/keylog.ts')).checkKeys(way.secrets);
}

async function checkFile(file: string, force: boolean, isNumbered: boolean): Promise<void> {
  const { prepareDestination } = await import('./artifact.ts');
  await prepareDestination(file, 'artifact', { force, isNumbered });
}

/** Acting on production is asked about, looking is not. */
function risky(toolkit: Toolkit, options: Options<Flags>, context: string | undefined): boolean {
  const way = toolkit.ways(options)[0];
  // A session asks in any case, when it knows what to ask.
  return /^prod/i.test(context ?? '') && way?.risk !== 'observe' && way?.via !== 'session';
}

async function performCapture(
  request: Request,
  { cluster, report, prints, options }: { cluster: Cluster; report: Report; prints: boolean; options: CaptureOptions },
): Promise<number> {
  const way = request.toolkit.ways(request.options)[0];
  if (way !== undefined) report.note(riskInWords(way.risk));
  const signals = interrupts(report);
  const around = { cluster, report, stops: signals.stops, capturing: signals.capturing };
  if (way?.via === 'session') {
    const { runSession } = await import('./run-session.ts');
    await runSession(request, way, around, options.output === 'json' ? 'json' : undefined).finally(signals.close);
    return 0;
  }
  const { run } = await import('./run.ts');
  const tells = request.toolkit.tells?.(request.options) === true && request.file === undefined;
  const scratch = prints || tells ? `${mkdtempSync(join(tmpdir(), 'kprof-'))}/` : undefined;
  try {
    if (isOfMany(options)) return await captureMany(request, around, options.output);
    const artifact = await run({ ...request, scratch }, around);
    await show(artifact, { report, prints, tells, options, before: signals.close });
    return artifact.early ? exitCodes.interrupted : 0;
  } finally {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
    signals.close();
  }
}

const isOfMany = (options: Typed): boolean => options['selector'] !== undefined || options['all-pods'] === true;

/** Several pods; the code tells of the first that failed. */
async function captureMany(request: Request, around: Around, output: CaptureOptions['output']): Promise<number> {
  const { runMany } = await import('./run-many.ts');
  const { printRecords } = await import('./print.ts');
  const { artifacts, merged, error } = await runMany(request, around);
  around.report.clear();
  printRecords(artifacts, merged, output);
  if (error !== undefined) throw error;
  return artifacts.some(({ early }) => early) ? exitCodes.interrupted : 0;
}

async function show(
  artifact: Artifact,
  {
    report,
    prints,
    tells,
    options,
    before,
  }: { report: Report; prints: boolean; tells: boolean; options: CaptureOptions; before: () => void },
): Promise<void> {
  const { printAnswer, printRecord, printText } = await import('./print.ts');
  if (prints) return printText(artifact.path);
  if (tells) return printAnswer(artifact, options.output);
  report.clear();
  if (artifact.path === '-') return;
  printRecord(artifact, options.output);
  if (
    options['no-open'] ||
    artifact.live !== undefined ||
    options.viewer === 'none' ||
    options.output === 'json' ||
    options.output === 'yaml'
  )
    return;
  const { viewCapture } = await import('./view.ts');
  // From here on Ctrl-C ends the page, not a capture.
  before();
  await viewCapture(artifact.path, artifact.format, report, wishedViewer(options.viewer));
}

/**
 * The words behind the name stand for a flag, where the tool has one for them. What was typed as both, and differs, is a mistake of which
 * nobody knows which it is.
 */
function withSecond({ second, rest, flags, name }: Toolkit, { options, words, typed }: Parsed<Flags>): CaptureOptions {
  const given = options as CaptureOptions & Options<Flags>;
  if (rest !== undefined) {
    const flag = flags[rest];
    const before = given[rest] as readonly unknown[];
    return { ...given, [rest]: [...before, ...words.slice(1).flatMap((word) => flag?.parse(word, { flag: flag.value ?? rest, read }))] };
  }
  const flag = second === undefined ? undefined : flags[second];
  if (flag === undefined || second === undefined || words[1] === undefined) return given;
  const value = flag.parse(words[1], { flag: flag.value ?? second, read });
  if (typed.includes(second) && value !== given[second])
    throw new KprofError('usage', `--${second} ${String(given[second])} and ${words[1]} both say what kprof ${name} is to take`, {
      hint: 'leave out one of them',
    });
  return { ...given, [second]: value };
}

/** kubectl's flags by the names that the kube layer has for them. */
const connection = (options: Typed): ConnectionOptions => ({
  ...options,
  asGroup: options['as-group'] as readonly string[],
  asUid: options['as-uid'] as string,
  certificateAuthority: options['certificate-authority'] as string,
  insecureSkipTlsVerify: options['insecure-skip-tls-verify'] as boolean,
  tlsServerName: options['tls-server-name'] as string,
  requestTimeout: options['request-timeout'] as string,
});

/** The flags of connection that were given, but for the token, and the context and files that they meant. */
function typedConnection(options: Typed, { context, kubeconfigs = [] }: Pick<Cluster, 'context' | 'kubeconfigs'>): Request['connection'] {
  const typed = Object.keys(connectionFlags)
    .filter((name) => name !== 'token' && options[name] !== undefined && options[name] !== false)
    .map((name) => [name, options[name] as string] as const);
  const files = typed.map(([name, value]) => [name, /^(kubeconfig|certificate-authority)$/.test(name) ? resolve(value) : value] as const);
  const meant = { ...(context === undefined ? {} : { context }), ...(kubeconfigs.length === 0 ? {} : { kubeconfigs }) };
  return { ...Object.fromEntries(files), ...meant };
}

function oneName(toolkit: Toolkit, words: readonly string[]): string {
  const [name, ...others] = words;
  const more = toolkit.rest !== undefined ? [] : toolkit.second === undefined ? others : others.slice(1);
  const usage = usageOf(toolkit);
  if (name === undefined || name === '')
    throw new KprofError('usage', `kprof ${toolkit.name} needs a pod`, { hint: `see what runs with kubectl get pods, then: ${usage}` });
  if (more.length > 0)
    throw new KprofError('usage', `kprof ${toolkit.name} takes one pod, and "${more.join(' ')}" is left over`, { hint: usage });
  return name;
}
