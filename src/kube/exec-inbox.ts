/** What the pod sends: frame after frame to the sinks, and no faster than they take it. */
import type WebSocket from 'ws';
import type { Io, Sink } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { type Command, exitCode } from './exec-verdict.ts';

/** The first byte of a frame. */
export const channels = { stdin: 0, stdout: 1, stderr: 2, verdict: 3 } as const;

/** Where frames arrive. */
export interface Inbox {
  /** The exit code, once everything that came was taken. */
  drained(): Promise<number | undefined>;
  onVerdict(listener: () => void): void;
  /** Nothing more goes to a sink. */
  discard(): void;
}

/** Takes the frames of a socket; what goes wrong is given to `fail`. */
export function receive(
  socket: WebSocket,
  { stdout, stderr }: Io,
  { command, fail }: { command: Command; fail: (error: unknown) => void },
): Inbox {
  const sinks: Readonly<Record<number, Sink | undefined>> = { [channels.stdout]: stdout, [channels.stderr]: stderr };
  // Even a paused socket gives the frames of the chunk that it was reading: 64 KiB at most wait here.
  const waiting: Buffer[] = [];
  let working: Promise<void> | undefined;
  let verdict: number | undefined;
  let discarded = false;
  let announce: () => void = () => undefined;

  function take(frame: Buffer): void | Promise<void> {
    const [channel = -1, bytes] = [frame[0], frame.subarray(1)];
    if (verdict !== undefined)
      throw new KprofError('failed', `${command.namespace}/${command.pod} sent more after it said how the command ended`);
    if (channel !== channels.verdict) return bytes.length === 0 ? undefined : sinks[channel]?.(bytes);
    verdict = exitCode(bytes.toString('utf8'), command);
    announce();
  }
  async function work(first: Promise<void>): Promise<void> {
    socket.pause();
    await first;
    for (let frame = waiting.shift(); frame !== undefined; frame = waiting.shift()) await take(frame);
    working = undefined;
    socket.resume();
  }
  socket.on('message', (data) => {
    const frame = data as Buffer;
    if (discarded) return;
    if (working !== undefined) return void waiting.push(frame);
    try {
      const pending = take(frame);
      if (pending !== undefined) working = work(pending).catch(fail);
    } catch (error) {
      fail(error);
    }
  });
  return {
    async drained() {
      await working;
      return verdict;
    },
    onVerdict(listener) {
      announce = listener;
    },
    discard() {
      discarded = true;
      waiting.length = 0;
    },
  };
}
