/** Delve, as images/go has it: what it can do with which Go, what its texts mean, and how its clients connect (https://github.com/go-delve/delve). */
import { KprofError } from '../errors.ts';
import type { Address, Argv, Process, Served, Tools } from '../toolkit.ts';

/** Versions of Go that this Delve is made for (its pkg/goversion/compat.go); it tries others. */
const madeFor = { from: 25, to: 27 } as const;

/** Whether the process is a Go program: only where our image looks is that known. */
export const isGo = ({ tells }: Process): boolean => tells['go'] !== undefined;

/** What Go the process has, in words: `go1.26.8`. */
export const goVersion = ({ tells }: Process): string => (tells['go'] === 'unknown' ? 'Go' : (tells['go'] ?? 'Go'));

/** Throws unless a debugger can attach. */
export function checkTraceable(process: Process, tools: Tools): void {
  if (!tools.has('keeper'))
    throw new KprofError('unsupported', 'The image has no keeper, which is Delve as kprof uses it', {
      hint: "use kprof's own image: leave out --image",
    });
  if (process.tracer !== 0)
    throw new KprofError(
      'unsupported',
      `Process ${process.pid} is traced already, by process ${process.tracer}; Linux allows one at a time`,
      {
        hint: 'end that debugger, strace or profiler, then try again; kprof ls POD shows the debug containers of the pod',
      },
    );
}

/** Throws unless its goroutines can be found. */
export function checkReadable(process: Process, tools: Tools): void {
  checkTraceable(process, tools);
  if (process.tells['go-dwarf'] === 'false') throw stripped(process);
}

const stripped = ({ pid }: Process, cause?: string): KprofError =>
  new KprofError(
    'unsupported',
    `The program of process ${pid} is stripped: where its goroutines are can not be told without debug information`,
    {
      cause,
      hint: 'build it without -ldflags="-s -w", or give it a net/http/pprof endpoint',
    },
  );

/** What does not work, or not well, with this program. */
export function limits({ tells, pid }: Process): readonly string[] {
  const said: string[] = [];
  const minor = /^go1\.(\d+)/.exec(tells['go'] ?? '')?.[1];
  if (minor !== undefined && (Number(minor) < madeFor.from || Number(minor) > madeFor.to))
    said.push(
      `Delve is made for Go 1.${madeFor.from} to 1.${madeFor.to}, and process ${pid} runs ${tells['go']}: breakpoints and stacks mostly work, variables and steps may be wrong`,
    );
  if (tells['go-dwarf'] === 'false')
    said.push(
      `The program of process ${pid} is stripped (-ldflags=-s -w): breakpoints, at functions and lines, and the stack work; variables, goroutines and types do not`,
    );
  else if (tells['go-plain'] !== 'true')
    said.push(
      'The program is optimised, as most are: some variables can not be read, and steps jump; -gcflags="all=-N -l" builds one that is not',
    );
  return said;
}

/** What keeper knows once it is attached. Texts are the target's to choose. */
export interface Known {
  readonly pauseMs: number;
  /** The folder of the main module, as the program's debug information has it. */
  readonly root: string;
  readonly delve: string;
}

/** Throws where it is not what keeper prints. */
export function parseKnown(answer: string): Known {
  const { pauseMs, root, delve } = JSON.parse(answer) as Partial<Record<keyof Known, unknown>>;
  if (typeof pauseMs !== 'number' || typeof root !== 'string' || typeof delve !== 'string')
    throw new KprofError('failed', 'The debugger did not describe itself', { cause: answer.slice(0, 300) });
  return { pauseMs, root, delve };
}

/** The client in this terminal. */
export const connectArgv = ({ text }: Address, isTerminal = true): Argv => [
  'dlv',
  'connect',
  text,
  ...(isTerminal ? [] : ['--allow-non-terminal-interactive=true']),
];

/** A launch configuration for the debugger of VS Code (https://github.com/golang/vscode-go/blob/master/docs/debugging.md). */
export const launchConfiguration = (name: string, port: number, root: string) => ({
  name,
  type: 'go',
  request: 'attach',
  mode: 'remote',
  debugAdapter: 'dlv-dap',
  host: '127.0.0.1',
  port,
  ...(root === '' ? {} : { substitutePath: [{ from: '${workspaceFolder}', to: root }] }),
});

/** What to say when it serves at `address`; `isWritten`: the launch configuration goes into its file. */
export function served(process: Process, pod: string, answer: string, address: Address, isWritten = false): Served {
  const { pauseMs, root, delve } = parseKnown(answer);
  const { port } = address;
  const name = `kprof: ${pod}`;
  const sources = root === '' ? [] : [`  (dlv) config substitute-path ${root} "$PWD"        # where your sources are`];
  return {
    notes: [`Delve ${delve} is attached to process ${process.pid}, which stood still for ${Math.round(pauseMs)}ms and runs`],
    warnings: port === undefined ? [] : [`Every user of this machine can connect to port ${port}, and do what the app may do`],
    next: [
      `  ${connectArgv(address).join(' ')}`,
      ...sources,
      ...(port === undefined
        ? ['VS Code and GoLand need a port: kprof delve … --port 2345']
        : [
            `  VS Code: Run and Debug, "${name}"${isWritten ? '' : ', which --write-launch-json writes into .vscode/launch.json'}`,
            `  GoLand: Edit Configurations, Go Remote, host 127.0.0.1, port ${port}, on disconnect: leave it running`,
          ]),
    ],
    launch: port === undefined ? undefined : launchConfiguration(name, port, root),
  };
}

const good: Readonly<Record<string, string>> = {
  left: 'The last client left: the process runs on, without breakpoints and without a debugger',
  asked: 'The debugger is gone, and the process runs on without breakpoints',
};

/** What the word for the end means; throws where it is no good one. */
export function ended(word: string, first: number): string {
  const said = good[word.trim()];
  if (said !== undefined) return said;
  if (word.trim() === 'idle')
    throw new KprofError('timeout', `No client connected within ${first}s, so the debugger is gone; the process runs on`, {
      hint: 'take more time with --ttl 1h',
    });
  if (word.trim() === 'exited') throw new KprofError('gone', 'The process ended while it was debugged');
  throw new KprofError('failed', 'The debugger ended without a reason', { cause: word.slice(0, 300) });
}

/** What made `keeper goroutines` fail, from what it printed. */
export function explainPause(error: KprofError, process: Process): KprofError {
  const said = String(error.cause instanceof Error ? error.cause.message : (error.cause ?? error.message));
  const takes = /takes (\d+) ms, for which/.exec(said)?.[1];
  if (takes === undefined) return explainFailure(error, process);
  return new KprofError(
    'unsupported',
    `Process ${process.pid} would stand still for more than ${takes}ms, which is more than --max-pause`,
    {
      hint: `allow it with --max-pause ${Math.ceil(Number(takes) / 500)}s, or give the app a net/http/pprof endpoint`,
    },
  );
}

/** What to say where the time was over before all stacks were read. */
export function remarkOnMissing(stdout: string): string | undefined {
  const [, some, all] = /^# (\d+) of (\d+) goroutines/.exec(stdout) ?? [];
  return some === all ? undefined : `Of ${all} goroutines ${some} could be read before --max-pause was over`;
}

/** What made it fail, from what it printed. */
export function explainFailure(error: KprofError, process: Process): KprofError {
  const { pid } = process;
  const said = String(error.cause instanceof Error ? error.cause.message : (error.cause ?? error.message));
  const tell = (failure: 'gone' | 'unsupported' | 'forbidden', message: string, hint?: string) =>
    new KprofError(failure, message, { cause: said, hint });
  if (/the process ended|no such process/.test(said)) return tell('gone', `Process ${pid} ended before the debugger was attached`);
  if (/is not a Go program/.test(said)) return tell('unsupported', `Process ${pid} is not a Go program`);
  if (/has no debug information/.test(said)) return stripped(process, said);
  if (/not permitted|permission denied|does not own the process/i.test(said))
    return tell('forbidden', `The debugger may not attach to process ${pid}`, 'the node may forbid it (Yama: kernel.yama.ptrace_scope)');
  return error;
}
