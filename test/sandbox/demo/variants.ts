/** What the demo can show, and what each needs of this machine. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolkits } from '../../../toolkits/index.ts';
import { jdks } from '../images.ts';

/** One capture of one app. */
export interface Variant {
  /** As in `kprof TOOL`. */
  readonly tool: string;
  readonly app: string;
  /** The pod's command; what it needs is made in this folder. */
  command(folder: string): readonly string[];
  /** Behind `kprof`. */
  readonly capture: readonly string[];
  readonly more: readonly string[];
  /** Why it can't be shown here, as a sentence; undefined where it can. */
  readonly lacks: string | undefined;
}

// Older ones can't leave the environment out of a recording.
const oldest = 17;
const source = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Best first. */
export function variants(env: NodeJS.ProcessEnv = process.env): readonly Variant[] {
  const jdk = jdks(env).find(({ version }) => version >= oldest);
  const hasNode = toolkits.some(({ name }) => name === 'node');
  return [
    {
      tool: 'jfr',
      app: `a shop in Java ${jdk?.version ?? ''}, with two busy tills`,
      command(folder) {
        const bin = jdk?.path ?? '';
        execFileSync(join(bin, 'javac'), ['-J-Xmx128m', '-d', folder, source('Shop.java')], { stdio: 'inherit' });
        // Else samples are told of the nearest safepoint, which may be in another method.
        const exact = ['-XX:+UnlockDiagnosticVMOptions', '-XX:+DebugNonSafepoints'];
        return [join(bin, 'java'), '-Xmx48m', '-XX:+UseSerialGC', '-XX:-UsePerfData', ...exact, '-cp', folder, 'Shop'];
      },
      capture: ['jfr', 'shop', '--duration', '5s', '--no-open'],
      more: ['threads shop', 'jfr shop --duration 10s'],
      lacks: jdk === undefined ? `There is no JDK ${oldest} or newer: install one, or say where it is by JAVA_HOME.` : undefined,
    },
    {
      tool: 'node',
      app: `a shop in Node ${process.versions.node}`,
      command: () => [process.execPath, source('shop.js')],
      capture: ['node', 'shop', 'cpu', '--duration', '5s', '--no-open'],
      more: ['node shop heap', 'node shop heapsnapshot'],
      lacks: hasNode ? undefined : 'This kprof has no tool `node` yet.',
    },
  ];
}
