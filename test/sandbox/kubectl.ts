/** kubectl, of the PATH or of the cluster that test/cluster/up made. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';

const path = `${process.env['PATH']}:/tmp/kprof-cluster/bin`;

/** Whether there is one. */
export function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { env: { ...process.env, PATH: path }, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Starts it on a cluster. */
export const startKubectl = (kubeconfig: string, args: readonly string[]): ChildProcess =>
  spawn('kubectl', args, { env: { ...process.env, KUBECONFIG: kubeconfig, PATH: path }, stdio: 'pipe' });

/** How it ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end; it must not block, since the server may be in this process. */
export function runKubectl(kubeconfig: string, args: readonly string[], input = ''): Promise<Ended> {
  const child = startKubectl(kubeconfig, args);
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
