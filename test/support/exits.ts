/** Whether a process that has pulled a large file ends by itself: a Node that is told to exit then may wait for its own compiler for ever. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { cutRig } from './cut-rig.ts';

/** How one process ended. */
export interface Exit {
  /** The digest that it printed is the right one. */
  readonly right: boolean;
  readonly code: number | null;
  /** Milliseconds from its last line to its end; undefined when it had to be killed. */
  readonly after: number | undefined;
  /** Milliseconds up to its last line. */
  readonly took: number;
}

/** Processes that pull one and the same content, one after another. */
export interface Exits extends AsyncDisposable {
  /** Pulls into `folder`; kills what has not ended so many milliseconds after its last line. */
  run(folder: string, patience: number, interrupted?: 'interrupted'): Promise<Exit>;
}

const script = new URL('pull-once.ts', import.meta.url).pathname;

/** Starts the far end. */
export async function exits(content: Uint8Array): Promise<Exits> {
  const rig = await cutRig(content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return {
    run: (folder, patience, ...interrupted) => {
      const to = join(folder, 'x.partial');
      rmSync(to, { force: true });
      const began = performance.now();
      const child = spawn(process.execPath, [script, String(rig.port), String(content.length), to, ...(interrupted as string[])], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let printed = '';
      let said = began;
      let killed = false;
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        said = performance.now();
        const kill = setTimeout(() => {
          killed = child.kill('SIGKILL');
        }, patience);
        child.once('exit', () => clearTimeout(kill));
      });
      return new Promise((resolve) =>
        child.once('close', (code) =>
          resolve({
            right: printed === `${interrupted[0] ?? sha256}\n`,
            code,
            after: killed ? undefined : performance.now() - said,
            took: said - began,
          }),
        ),
      );
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}
