/** What `kprof.sh look` prints, as processes. The target wrote much of it: nothing is believed but numbers. */
import { KprofError } from '../errors.ts';
import type { Process, Tools } from '../toolkit.ts';

/** The debug container and the target, as seen from inside. */
export interface View {
  readonly tools: Tools;
  readonly uid: number;
  readonly gid: number;
  readonly processes: readonly Process[];
}

const number = (text: string | undefined): number => {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
};

const mask = (text: string | undefined): bigint => (/^[0-9a-f]{1,16}$/.test(text ?? '') ? BigInt(`0x${text}`) : 0n);

/** Lines `key rest` or `Key:\trest`, those of each key together. `s`, because a name may hold what counts as an end of line, but a newline. */
function byKey(lines: readonly string[]): (key: string) => readonly string[] {
  const found = lines.map((line) => /^([\w-]+):?[\t ]*(.*)$/s.exec(line)).filter((match) => match !== null);
  return (key) => found.filter((match) => match[1] === key).map((match) => match[2] as string);
}

function parseProcess(pid: number, lines: readonly string[]): Process | undefined {
  const get = byKey(lines);
  const first = (key: string) => get(key)[0] ?? '';
  // Behind the last parenthesis, since a process may call itself `) S 1`: field 3 and on.
  const started = /.*\) (.*)$/s.exec(first('stat'))?.[1]?.split(' ')[19];
  if (started === undefined || !/^\d+$/.test(started) || first('State').startsWith('Z')) return undefined;
  const column = (key: string, index: number) => number(first(key).split(/\s+/)[index]);
  return {
    pid,
    ppid: number(first('PPid')),
    started,
    uid: column('Uid', 0),
    gid: column('Gid', 0),
    groups: first('Groups')
      .trim()
      .split(/\s+/)
      .filter((group) => group !== '')
      .map(number),
    comm: first('Name'),
    argv: first('cmdline').replace(/\x1f$/, '').split('\x1f'),
    exe: first('exe').trimEnd(),
    handles: mask(first('SigCgt')),
    capabilities: mask(first('CapPrm')),
    tracer: number(first('TracerPid')),
    maps: get('map'),
    tells: Object.fromEntries(get('tell').map((tell) => [tell.split(' ')[0] as string, tell.split(' ').slice(1).join(' ').trim()])),
  };
}

/** Throws when the text is not what `look` prints. */
export function parseView(output: string): View {
  const lines = output.split('\n');
  const get = byKey(lines);
  const self = get('self')[0]?.split(' ');
  if (self === undefined) throw new KprofError('failed', 'The debug container did not describe itself', { cause: output.slice(0, 300) });
  const processes: Process[] = [];
  for (let at = 0; at < lines.length; at++) {
    const pid = /^process (\d{1,10})$/.exec(lines[at] as string)?.[1];
    const end = pid === undefined ? -1 : lines.indexOf(`end ${pid}`, at);
    if (pid === undefined || end < 0) continue;
    const process = parseProcess(Number(pid), lines.slice(at + 1, end));
    if (process !== undefined) processes.push(process);
    at = end;
  }
  const programs = new Set(get('tools')[0]?.split(' '));
  const tools: Tools = { has: (program) => programs.has(program), jdk: get('jdk')[0] || undefined };
  return { tools, uid: number(self[0]), gid: number(self[1]), processes };
}

/** One line for people: pid and command line. */
export const describe = (process: Process): string => {
  const command = process.argv.join(' ').trim() || `[${process.comm}]`;
  return `${process.pid}  ${command.length > 90 ? `${command.slice(0, 89)}…` : command}`;
};

/** Nothing in the container is of the kind that is looked for. */
export class NoSuchProcess extends KprofError {}

/** The one process that is meant: by its pid, or the only one that matches. Throws with a list otherwise. */
export function chooseProcess(
  processes: readonly Process[],
  {
    pid,
    container,
    looksFor,
    matches,
  }: { pid: number | undefined; container: string; looksFor: string; matches: (process: Process) => boolean },
): Process {
  const list = (some: readonly Process[]) => some.map((process) => `  ${describe(process)}`).join('\n');
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
