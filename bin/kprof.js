#!/usr/bin/env node
// Understood by every Node since 14, so that an old one gets a sentence and not a syntax error.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `error: kprof needs Node 24 or newer, and this is Node ${process.versions.node}\ntry: npx -p node@24 -p kprof kprof\n`,
  );
  process.exitCode = 1;
} else {
  const argv = process.argv.slice(2);
  process.stdout.on('error', ({ code }) => {
    if (code !== 'EPIPE') process.exitCode = 8;
  });
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  if (argv.length === 0 || argv[0] === 'help' || flags.includes('--help') || flags.includes('-h')) {
    const name = argv[0] === 'help' ? argv[1] : argv[0];
    const { help } = await import('../dist/help.js');
    const text = help(name === undefined || name.startsWith('-') ? undefined : name, process.stdout.columns || 80);
    if (text !== undefined) process.stdout.write(text);
    else (await import('../dist/cli.js')).main([name]);
  } else if (argv[0] === '--version' || argv[0] === 'version') {
    const { readFileSync } = await import('node:fs');
    process.stdout.write(`${JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version}\n`);
  } else {
    // What is pulled goes through buffers that collections of the young generation free: were it to grow, they would wait by the MiB.
    (await import('node:v8')).setFlagsFromString('--semi-space-growth-factor=1');
    await (await import('../dist/cli.js')).main(argv);
  }
}
