/** A kprof delve that serves, and a process that a client holds at a breakpoint. */
import { attach, type Dap, dap } from '../support/dap.ts';
import { isAnswering } from './delve-pods.ts';
import type { Desk, Place, Running } from './support.ts';

/** A kprof that serves, the address at which, and its debug container. */
export async function serving(
  laptop: Desk,
  where: Place,
  pod: string,
  ...more: readonly string[]
): Promise<{ readonly running: Running; readonly address: string; readonly container: string }> {
  const running = laptop.start('delve', pod, '-n', where.namespace, '--yes', ...more);
  await Promise.race([running.until(/Ctrl-C here ends the session/, 200), running.ended]);
  const address = /dlv connect (\S+)/.exec(running.stderr())?.[1];
  const container = / (kprof-go-\w+)/.exec(running.stderr())?.[1];
  if (address === undefined || container === undefined) throw new Error(running.stderr());
  return { running, address, container };
}

/** A process that stands at a breakpoint, and who holds it there. */
export async function halted(
  laptop: Desk,
  where: Place,
  pod: string,
  ...more: readonly string[]
): Promise<{ readonly running: Running; readonly client: Dap; readonly container: string }> {
  const { running, address, container } = await serving(laptop, where, pod, ...more);
  const client = await dap(address);
  await attach(client, ['main.allocate']);
  await client.event('stopped');
  if (await isAnswering(where, pod)) throw new Error(`${pod} answers at its breakpoint`);
  return { running, client, container };
}
