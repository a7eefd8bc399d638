// Bundles src/ into dist/: the command line in lazily loaded chunks, and the help, which needs nothing else.
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

// Beside the old one until it is whole: a kprof that runs meanwhile finds its chunks.
const next = `dist.${process.pid}`;

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  outdir: next,
  logLevel: 'warning',
  legalComments: 'linked',
  // Some dependencies are CommonJS and ask for Node's modules by require.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
};
await build({ ...shared, entryPoints: { cli: 'src/cli.ts' }, splitting: true });
const help = await build({ ...shared, entryPoints: { help: 'src/help.ts' }, metafile: true });
copyFileSync('src/remote/kprof.sh', `${next}/kprof.sh`);
const foreign = Object.keys(help.metafile.inputs).filter((path) => path.includes('node_modules'));
if (foreign.length > 0) throw new Error(`The help would load ${foreign.join(', ')}`);
const old = `${next}.old`;
if (existsSync('dist')) renameSync('dist', old);
renameSync(next, 'dist');
rmSync(old, { recursive: true, force: true });
