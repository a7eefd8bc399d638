/** What `kprof.sh look` prints, as processes. The target wrote much of it: nothing is believed but numbers. */
import { KprofError } from '../errors.ts';
import type { Process, Tools } from '../toolkit.ts';

/** The debug container and the target, as seen from inside. */
export interface View {
  readonly tools: Tools;
  readonly uid: number;
  readonly gid: number;
  /** Effective ones, as a bit mask. */
  readonly capabilities: bigint;
  readonly processes: readonly Process[];
  /** How many there are besides, of which nothing is known. */
  readonly more: number;
}

const number = (text: string | undefined): number => {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
};

const mask = (text: string | undefined): bigint => (/^[0-9a-f]{1,16}$/.test(text ?? '') ? BigInt(`0x${text}`) : 0n);

/** What is said of one thing, by key. */
type Said = ReadonlyMap<string, readonly string[]>;

/** Lines by their keys. `s`, because a name may hold what counts as an end of line, but a newline. */
function byKey(lines: readonly string[], pattern: RegExp): Said {
  const said = new Map<string, string[]>();
  for (const line of lines) {
    const [, key, rest] = pattern.exec(line) ?? [];
    if (key === undefined || rest === undefined) continue;
    const before = said.get(key);
    if (before === undefined) said.set(key, [rest]);
    else before.push(rest);
  }
  return said;
}

const first = (said: Said, key: string): string => said.get(key)?.[0] ?? '';

function parseProcess(pid: number, lines: readonly string[]): Process | undefined {
  const facts = byKey(lines, /^(\w+):(.*)$/s);
  const status = byKey(facts.get('status') ?? [], /^(\w+):[\t ]*(.*)$/s);
  // Behind the last parenthesis, since a process may call itself `) S 1`: field 3 and on.
  const started = /.*\) (.*)$/s.exec(first(facts, 'stat'))?.[1]?.split(' ')[19];
  if (started === undefined || !/^\d+$/.test(started) || !status.has('Uid') || first(status, 'State').startsWith('Z')) return undefined;
  const column = (key: string) => number(first(status, key).split(/\s+/)[0]);
  return {
    pid,
    ppid: column('PPid'),
    started,
    uid: column('Uid'),
    gid: column('Gid'),
    groups: first(status, 'Groups')
      .trim()
      .split(/\s+/)
      .filter((group) => group !== '')
      .map(number),
    comm: first(status, 'Name'),
    argv: first(facts, 'cmdline').replace(/\x1f$/, '').split('\x1f'),
    exe: first(facts, 'exe').trimEnd(),
    handles: mask(first(status, 'SigCgt')),
    capabilities: mask(first(status, 'CapPrm')),
    tracer: column('TracerPid'),
    maps: facts.get('map') ?? [],
    tells: Object.fromEntries(
      (facts.get('tell') ?? []).map((tell) => [tell.split(' ')[0] as string, tell.split(' ').slice(1).join(' ').trim()]),
    ),
  };
}

/** Reads lines `PID/FACT:…` and, of the debug container itself, `KEY …`. Throws when the text is not what `look` prints. */
export function parseView(output: string): View {
  const lines = output.split('\n');
  const own = byKey(lines, /^(tools|jdk|self|more) ?(.*)$/s);
  const self = own.get('self')?.[0]?.split(' ');
  // `more` is the last line.
  if (self === undefined || !own.has('more'))
    throw new KprofError('failed', 'The debug container did not describe what it sees', { cause: output.slice(0, 300) });
  const processes = [...byKey(lines, /^(\d{1,10})\/(.*)$/s)]
    .map(([pid, facts]) => parseProcess(Number(pid), facts))
    .filter((process) => process !== undefined)
    .sort((one, other) => one.pid - other.pid);
  const programs = new Set(first(own, 'tools').split(' '));
  const tools: Tools = { has: (program) => programs.has(program), jdk: first(own, 'jdk') || undefined };
  return { tools, uid: number(self[0]), gid: number(self[1]), capabilities: mask(self[2]), processes, more: number(own.get('more')?.[0]) };
}

/** One line for people: pid and command line. */
export const describe = (process: Process): string => {
  const command = process.argv.join(' ').trim() || `[${process.comm}]`;
  return `${process.pid}  ${command.length > 90 ? `${command.slice(0, 89)}…` : command}`;
};

/** Nothing in the container is of the kind that is looked for. */
export class NoSuchProcess extends KprofError {}

/** For people, who read no more. */
const most = 20;

/** The one process that is meant: by its pid, or the only one that matches. Throws with a list otherwise. */
export function chooseProcess(
  { processes, more }: Pick<View, 'processes' | 'more'>,
  {
    pid,
    container,
    looksFor,
    matches,
  }: { pid: number | undefined; container: string; looksFor: string; matches: (process: Process) => boolean },
): Process {
  const list = (some: readonly Process[]) => {
    const rest = Math.max(0, some.length - most) + (some === processes ? more : 0);
    return [...some.slice(0, most).map((process) => `  ${describe(process)}`), ...(rest > 0 ? [`  and ${rest} more`] : [])].join('\n');
  };
  const fitting = processes.filter(matches);
  if (pid !== undefined) {
    const named = processes.find((process) => process.pid === pid);
    if (named === undefined)
      throw new KprofError('usage', `There is no process ${pid} in container ${container}`, {
        hint: `name one of these with --pid:\n${list(fitting.length > 0 ? fitting : processes)}`,
      });
    if (!matches(named))
      throw new KprofError('unsupported', `Process ${pid} of container ${container} is not a ${looksFor}: ${describe(named)}`, {
        hint: fitting.length > 0 ? `these are:\n${list(fitting)}` : undefined,
      });
    return named;
  }
  if (fitting.length === 0) {
    throw new NoSuchProcess(
      'unsupported',
      `There is no ${looksFor} in container ${container}, which runs:\n${list(processes) || '  nothing that can be seen'}`,
      { hint: 'name another container with -c' },
    );
  }
  if (fitting.length > 1)
    throw new KprofError('usage', `Container ${container} runs ${fitting.length} ${looksFor}${looksFor.endsWith('s') ? 'es' : 's'}`, {
      hint: `name one with --pid:\n${list(fitting)}`,
    });
  return fitting[0] as Process;
}
