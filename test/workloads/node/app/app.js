// A busy app: hotLoop is where its time goes, allocate where its memory does. argv says what is special.
// What V8 made a part of its caller, or optimised in the middle of a loop, before anybody looked, it tells as the caller's: so hotLoop is
// called often, and by itself. Bun has no such flags.
try {
  for (const flag of ['--max-inlined-bytecode-size=0', '--max-maglev-inlined-bytecode-size=0']) require('node:v8').setFlagsFromString(flag);
} catch {}

const modes = process.argv.slice(2);
const kept = [];

function hotLoop() {
  let sum = 0;
  for (let i = 0; i < 2000; i++) sum += Math.sqrt(i);
  return sum;
}

function burn() {
  for (const end = performance.now() + 5; performance.now() < end; ) hotLoop();
}

class Kept {
  constructor(n) {
    this.text = `kept ${n}`;
    this.more = new Array(100).fill(n);
  }
}

function allocate(n) {
  kept.push(new Kept(n));
  if (kept.length > 5000) kept.shift();
}

if (modes.includes('handler')) process.on('SIGUSR1', () => process.stdout.write('the app got SIGUSR1\n'));
if (modes.includes('twins')) require('node:child_process').spawn(process.execPath, [__filename, 'child'], { stdio: 'inherit' });
if (modes.includes('taken')) require('node:net').createServer().listen(9229, '127.0.0.1');

// `heap N` keeps some 11000 objects for each of N MiB.
const mebibytes = modes.includes('heap') ? Number(modes[modes.indexOf('heap') + 1]) : 0;
kept.ballast = Array.from({ length: mebibytes * 1024 }, (_, i) => Array.from({ length: 11 }, (_, j) => ({ i, j, text: `${i} ${j}` })));

let beats = 0;
setInterval(burn, 50);
setInterval(() => {
  for (let i = 0; i < 20; i++) allocate(i);
  if (beats++ % 10 === 0) process.stdout.write(`beat ${process.pid} ${process.version}\n`);
}, 100);
