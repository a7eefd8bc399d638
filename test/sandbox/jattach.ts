/**
 * `jattach PID jcmd COMMAND` for a machine that has none: kprof's own image brings https://github.com/jattach/jattach.
 * It speaks HotSpot's attach protocol (src/hotspot/os/posix/attachListener_posix.cpp): leave a file, send SIGQUIT, wait for the socket,
 * send the command and up to three arguments; the answer is a number on a line, then text. Prints and exits as jattach does.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const [pid = '', ...words] = process.argv.slice(2);
const patience = 20_000;

/** Path of the JVM's socket, which it opens when it is knocked for. */
async function socketOf(root: string): Promise<string> {
  const socket = join(root, 'tmp', `.java_pid${pid}`);
  if (existsSync(socket)) return socket;
  const knock = join('/proc', pid, 'cwd', `.attach_pid${pid}`);
  writeFileSync(knock, '');
  try {
    process.kill(Number(pid), 'SIGQUIT');
    for (const end = Date.now() + patience; Date.now() < end && !existsSync(socket); ) await sleep(20);
    return socket;
  } finally {
    rmSync(knock, { force: true });
  }
}

async function ask(socket: string): Promise<string> {
  const line = connect(socket);
  line.write(['1', ...words, '', '', ''].slice(0, 5).join('\0').concat('\0'));
  return await text(line);
}

try {
  if (!/^\d+$/.test(pid) || words.length === 0) throw new Error('Usage: jattach PID COMMAND [ARGUMENT…]');
  const answer = await ask(await socketOf(join('/proc', pid, 'root')));
  const end = answer.indexOf('\n');
  const code = Number(answer.slice(0, end));
  process.stdout.write(`Connected to remote JVM\nJVM response code = ${code}\n${answer.slice(end + 1)}`);
  process.exitCode = code;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
