/** A large file of random bytes in a pod, and kprof's pull of it in a process of its own. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type ChaosProxy, chaosProxy } from '../support/chaos-proxy.ts';
import type { Moved } from '../support/pull-file.ts';
import { kubectl } from './support.ts';

/** A file in the container `app` of a pod. */
export interface BigFile {
  readonly path: string;
  readonly sha256: string;
  remove(): void;
}

const sh = (namespace: string, pod: string, script: string): string =>
  kubectl('exec', '-n', namespace, pod, '-c', 'app', '--', 'sh', '-c', script);

/** Makes one of so many MiB. */
export function bigFile(namespace: string, pod: string, mebibytes: number, within = '/tmp'): BigFile {
  const folder = `${within}/big-${mebibytes}`;
  const path = `${folder}/random.bin`;
  const make = `mkdir -p -m 700 ${folder} && head -c ${mebibytes * 2 ** 20} /dev/urandom >${path} && sha256sum ${path}`;
  const [sha256 = ''] = sh(namespace, pod, make).split(' ');
  return { path, sha256, remove: () => void sh(namespace, pod, `rm -r ${folder}`) };
}

/** A pull that runs. */
export interface Pulling {
  /** Bytes are about to come. */
  readonly began: Promise<void>;
  /** Rejects when it ends otherwise than by itself. */
  readonly moved: Promise<Moved>;
  kill(): void;
}

/** Starts pulls; bundled, as kprof itself is. */
export interface Puller {
  start(env: NodeJS.ProcessEnv, ...args: readonly string[]): Pulling;
  remove(): void;
}

/** Bundles test/support/pull-file.ts; `preload` is a module that each pull loads first. */
export async function puller(preload?: string): Promise<Puller> {
  const folder = mkdtempSync(join(tmpdir(), 'kprof-e2e-'));
  const script = join(folder, 'dist/pull-file.mjs');
  const banner = {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  };
  const entry = new URL('../support/pull-file.ts', import.meta.url).pathname;
  await build({ entryPoints: [entry], bundle: true, platform: 'node', target: 'node24', format: 'esm', outfile: script, banner });
  for (const [from, to] of [
    ['src/remote/kprof.sh', 'dist/kprof.sh'],
    ['package.json', 'package.json'],
  ] as const)
    copyFileSync(new URL(`../../${from}`, import.meta.url), join(folder, to));
  return {
    start(env, ...args) {
      const flags = preload === undefined ? [] : ['--import', preload];
      const child = spawn(process.execPath, [...flags, script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      let [printed, said] = ['', ''];
      const { promise: began, resolve: begin } = Promise.withResolvers<void>();
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('pulling\n')) begin();
      });
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
      });
      const moved = new Promise<Moved>((resolve, reject) =>
        child.once('close', (code) =>
          code === 0 ? resolve(JSON.parse(printed) as Moved) : reject(new Error(`exit code ${code}: ${said}`)),
        ),
      );
      moved.catch(() => begin()); // and is told by it
      return { began, moved, kill: () => void child.kill() };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The digest of a local file. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Starts a proxy in front of the cluster's API server. */
export async function clusterProxy(): Promise<ChaosProxy & { readonly url: string }> {
  const server = new URL(kubectl('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}'));
  const proxy = await chaosProxy(server.hostname, Number(server.port));
  return { ...proxy, url: `https://127.0.0.1:${proxy.port}` };
}
