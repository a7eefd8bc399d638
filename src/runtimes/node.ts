/** Node.js: how to tell it, and how its inspector opens (https://nodejs.org/api/cli.html#--inspecthostport). */
import { KprofError } from '../errors.ts';
import type { Process, Toolkit } from '../toolkit.ts';
import { handlesSignal } from './signals.ts';

const usual = 9229;

/** Programs that only start the app: they are Node, too, and have nothing to profile. */
const starters = /^(npm|npx|yarn|pnpm|pnpx|corepack)(-cli)?(\.c?js)?$/;

const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** npm gives itself a title, which stands for its whole command line. */
const starts = ({ argv }: Process): boolean => {
  const script = argv.slice(1).find((word) => !word.startsWith('-'));
  return starters.test((argv[0] ?? '').split(' ')[0] as string) || starters.test(lastPart(script ?? ''));
};

/** What the program is was looked up in the program itself; `node` is the name of others, too. */
const isNode = (process: Process): boolean => process.tells['node'] === 'yes' && !starts(process);

/** What every tool for Node looks for. */
export const node: Pick<Toolkit, 'looksFor' | 'likely' | 'matches'> = {
  looksFor: 'Node.js process',
  likely: /\bnode|npm|yarn|pnpm|\bjs\b/i,
  matches: isNode,
};

const inspecting = /^--inspect(?:-[a-z-]+)?(?:=(?:.*:)?(\d{1,5}))?$/;

/** Ports where its inspector is, or will be when SIGUSR1 opens it; none where Node chooses (`--inspect=0`). */
export function inspectorPorts({ argv, tells }: Process): readonly number[] {
  const typed = argv.map((word) => inspecting.exec(word)?.[1]).findLast((port) => port !== undefined) ?? tells['inspect'];
  const port = Number(typed ?? usual);
  if (port === 0) return [];
  return [port < 65_536 ? port : usual];
}

/** Whether its command line, or NODE_OPTIONS, opens its inspector when it starts. */
export const startedOpen = ({ argv, tells }: Process): boolean =>
  tells['inspects'] === 'yes' || argv.some((word) => /^--inspect(-brk|-wait)?(=|$)/.test(word));

/** Without a handler the signal ends the process. Throws then. */
export function guardSignal(process: Process): void {
  if (startedOpen(process) || handlesSignal(process, 'SIGUSR1')) return;
  const off = process.argv.find((word) => /^--(disable-sigusr1|(experimental-)?permission)$/.test(word));
  throw new KprofError(
    'unsupported',
    `Process ${process.pid} does not handle SIGUSR1, by which its inspector opens: the signal would end it, so it is not sent`,
    {
      cause: off === undefined ? 'it was started with --disable-sigusr1, or with --permission' : `it was started with ${off}`,
      hint: 'start the app without that, or with --inspect',
    },
  );
}

// Measured with Node 24 and 26: of a heap of small objects 27 MiB in a second, with 4.3 times the process's memory on top; of texts 150 MiB, and 0.8.
const [perSecond, times] = [25, 5];

/** What is to be agreed to, judged by the memory that the process takes. */
export function snapshotCosts({ tells, pid }: Process): string {
  const mebibytes = Number(tells['rss'] ?? 0) / 1024;
  if (!(mebibytes > 0))
    return `a heap snapshot stops process ${pid} until it is written, and may take ${times} times the memory that it has on top of that`;
  const seconds = Math.max(1, Math.ceil(mebibytes / perSecond));
  const more = `up to ${Math.ceil(mebibytes * times)} MiB more memory of its container, if its heap is one of many small objects`;
  return `a heap snapshot stops process ${pid} for up to about ${seconds}s, and may take ${more}`;
}
