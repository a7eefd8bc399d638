/** Starts programs that open artifacts. */
import { spawn } from 'node:child_process';
import type { Env } from './viewer.ts';

const watched = 2000;

/** Starts a program that outlives us; gives whether it was still running, or had ended well, after two seconds. */
export function launch(program: string, argv: readonly string[], env: Env): Promise<boolean> {
  return new Promise((done) => {
    const child = spawn(program, argv, { detached: true, stdio: 'ignore', env });
    const timer = setTimeout(() => settle(true), watched);
    const settle = (well: boolean): void => {
      clearTimeout(timer);
      child.unref();
      done(well);
    };
    child.once('error', () => settle(false)).once('exit', (code) => settle(code === 0));
  });
}
