/**
 * `npm run demo [TOOL]`: a sandbox, an app in it, one real capture. On a terminal it then stays up to be played with until Ctrl-C, else it
 * ends. The folder with the captured file is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { type Variant, variants } from './variants.ts';

const kprofJs = fileURLToPath(new URL('../../../bin/kprof.js', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
let steps = 0;
const step = (line: string): void => say(`\n${++steps}. ${line}`);
const word = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The first that this machine can show, or the one that was asked for. */
function choose(all: readonly Variant[], wanted: string | undefined): Variant {
  const known = all.filter(({ tool }) => wanted === undefined || tool === wanted);
  const chosen = known.find(({ lacks }) => lacks === undefined);
  if (process.platform !== 'linux') throw new Error("The demo's pods are processes of this machine, which has to be a Linux.");
  if (known.length === 0) throw new Error(`The demo knows ${all.map(({ tool }) => tool).join(' and ')}, and not ${wanted}.`);
  if (chosen === undefined) throw new Error(`There is nothing here to show.${known.map(({ lacks }) => `\n${lacks}`).join('')}`);
  for (const { tool, lacks } of known.slice(0, known.indexOf(chosen))) say(`Not kprof ${tool}: ${lacks}`);
  return chosen;
}

/** A kprof that knows the sandbox, with a state of its own: what the demo does is in no other journal. */
function writeKprof(folder: string, { kubeconfig }: Sandbox): string {
  const path = join(folder, 'kprof');
  const variables = { KUBECONFIG: kubeconfig, KPROF_REGISTRY: 'registry.local', XDG_STATE_HOME: join(folder, 'state') };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${word(value)}`);
  writeFileSync(path, ['#!/bin/sh', ...exports, `exec ${word(process.execPath)} ${word(kprofJs)} "$@"`, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

/** Until the app has said its first word: a JVM that just starts can't be attached to. */
function opened({ kubelet }: Sandbox, pod: Awaited<ReturnType<Sandbox['pod']>>): Promise<void> {
  const log = kubelet.container(pod, 'app')?.log;
  const text = () => log?.text(new URLSearchParams()).toString('utf8') ?? '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The app did not start: ${text() || 'it says nothing'}`)), 30_000);
    const look = () => {
      if (!text().includes('is open')) return;
      clearTimeout(timer);
      leave();
      resolve();
    };
    const leave = log?.follow(look) ?? (() => undefined);
    look();
  });
}

/** How the demo is ended; a terminal's Ctrl-C reaches a running kprof by itself. */
function watchSignals() {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  const state: { signal?: NodeJS.Signals; child?: ChildProcess } = {};
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      state.signal ??= signal;
      if (signal !== 'SIGINT' || !process.stdin.isTTY) state.child?.kill(signal);
      resolve(signal);
    });
  return { state, ended: promise };
}

const { state, ended } = watchSignals();
const codeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

function perform(kprof: string, args: readonly string[], folder: string): Promise<number> {
  const child = spawn(kprof, args, { cwd: folder, stdio: 'inherit' });
  state.child = child;
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? codeOf(signal ?? 'SIGKILL')));
  });
}

/** Gives the exit code. */
async function show(variant: Variant, folder: string): Promise<number> {
  step('A small API server on 127.0.0.1. Its pods are processes of this machine: no cluster, no root.');
  await using sandbox = await startSandbox();
  say(`   KUBECONFIG=${sandbox.kubeconfig}`);
  step(`A pod \`shop\`: ${variant.app}.`);
  const pod = await sandbox.pod('shop', { command: [...variant.command(sandbox.folder)] });
  try {
    await opened(sandbox, pod);
    return state.signal === undefined ? await capture(variant, folder, sandbox) : codeOf(state.signal);
  } finally {
    // A JVM that ends in good order takes its files out of /tmp.
    await sandbox.kubelet.remove(pod, 3);
  }
}

async function capture({ tool, capture: args, more }: Variant, folder: string, sandbox: Sandbox): Promise<number> {
  const kprof = writeKprof(folder, sandbox);
  step(`$ kprof ${args.join(' ')}`);
  const code = await perform(kprof, args, folder);
  const file = readdirSync(folder).find((name) => name.startsWith(`${tool}-`) && !name.endsWith('.partial'));
  if (file !== undefined) {
    step(`That file stays: ${join(folder, file)}`);
    say(`   ${kprof} open ${join(folder, file)}`);
  }
  if (code !== 0) return code;
  if (state.signal !== undefined) return codeOf(state.signal);
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) return 0;
  step('The pod is yours, from another terminal, until Ctrl-C here:');
  for (const line of more) say(`   ${kprof} ${line}`);
  say(`   KUBECONFIG=${sandbox.kubeconfig} kubectl get pods`);
  await ended;
  return 0;
}

try {
  const variant = choose(variants(), process.argv[2]);
  process.exitCode = await show(variant, mkdtempSync(join(tmpdir(), 'kprof-demo-')));
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
