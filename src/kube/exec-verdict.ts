/** The verdict on a command: channel 3 of the exec protocol. */
import { KprofError } from '../errors.ts';
import type { Argv } from '../toolkit.ts';
import type { Status } from './errors.ts';

/** Where a command runs, and which. */
export interface Command {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly argv: Argv;
}

/** The command's exit code, or an error when it never ran. */
export function exitCode(verdict: string, { argv, container, namespace, pod }: Command): number {
  const status = parse(verdict);
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined && /^\d{1,3}$/.test(code)) return Number(code);
  const said = status.message ?? verdict.slice(0, 300);
  const where = `container ${container} of pod ${namespace}/${pod}`;
  if (hasEnded(said)) throw new KprofError('gone', `The ${where} has ended`, { cause: said });
  if (/executable file not found|no such file or directory/.test(said))
    throw new KprofError('unsupported', `There is no ${argv[0]} in ${where}`, { cause: said });
  throw new KprofError('failed', `${argv[0]} could not be run in ${where}`, { cause: said, lost: isBrokenLine.test(said) });
}

// The API server's own line, to the kubelet, broke.
const isBrokenLine = /error (reading|dialing|sending)|connection reset|broken pipe|unexpected EOF|websocket: close/i;

/** Whether the text, of a verdict or of a refusal, says that the container is there no more; no code tells. */
export const hasEnded = (said: string): boolean =>
  /CONTAINER_EXITED|container not found|container not created|is not running|cannot exec in a stopped state/i.test(said);

function parse(verdict: string): Status {
  try {
    const parsed: unknown = JSON.parse(verdict);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Status;
  } catch {
    // Protocols before v4 send plain text here.
  }
  return { message: verdict.slice(0, 300) };
}
