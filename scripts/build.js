// Bundles src/ into dist/: the command line in lazily loaded chunks, and the help, which needs nothing else.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

// Beside the old one until it is whole: a kprof that runs meanwhile finds its chunks.
const next = `dist.${process.pid}`;

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // jsonc-parser's other release asks for its own files in a way that can't be followed.
  mainFields: ['module', 'main'],
  outdir: next,
  logLevel: 'warning',
  legalComments: 'linked',
  // Some dependencies are CommonJS and ask for Node's modules by require.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
};
await build({ ...shared, entryPoints: { cli: 'src/cli.ts' }, splitting: true });
const help = await build({ ...shared, entryPoints: { help: 'src/help.ts' }, metafile: true });
copyFileSync('src/remote/kprof.sh', `${next}/kprof.sh`);
copyPage(`${next}/page`);
const foreign = Object.keys(help.metafile.inputs).filter((path) => path.includes('node_modules'));
if (foreign.length > 0) throw new Error(`The help would load ${foreign.join(', ')}`);
const old = `${next}.old`;
if (existsSync('dist')) renameSync('dist', old);
renameSync(next, 'dist');
rmSync(old, { recursive: true, force: true });

/** speedscope as it was released, but for its example; and our own script in its page. */
function copyPage(folder) {
  const from = 'node_modules/speedscope';
  mkdirSync(folder);
  for (const name of readdirSync(`${from}/dist/release`).filter((name) => !/^perf-|schema|^index/.test(name)))
    copyFileSync(`${from}/dist/release/${name}`, `${folder}/${name}`);
  copyFileSync(`${from}/LICENSE`, `${folder}/speedscope.LICENSE.md`);
  copyFileSync('src/viewers/page/alive.js', `${folder}/alive.js`);
  const [before, after, ...more] = readFileSync(`${from}/dist/release/index.html`, 'utf8').split('<body>');
  if (after === undefined || more.length > 0) throw new Error('The page of speedscope has changed');
  writeFileSync(`${folder}/index.html`, `${before}<body>\n    <script src="alive.js"></script>${after}`);
}
