/** Delve's own client, of the version that images/go has. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const module = new URL('../../images/go/', import.meta.url).pathname;

/** The path of the program, which is built when it is not there yet. */
export function dlv(): string {
  const version = /go-delve\/delve (v[\d.]+)/.exec(readFileSync(join(module, 'go.mod'), 'utf8'))?.[1];
  const cache = process.env['KPROF_TEST_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kprof/test');
  const folder = join(cache, `dlv-${version}`);
  const path = join(folder, 'dlv');
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' };
  const made = `${path}.${process.pid}`;
  execFileSync('go', ['build', '-trimpath', '-buildvcs=false', '-o', made, 'github.com/go-delve/delve/cmd/dlv'], { cwd: module, env });
  renameSync(made, path);
  return path;
}
