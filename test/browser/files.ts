/** Real profiles of programs whose hot function is known. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampled } from '../support/sampled-recording.ts';

const javascript = `
function hotLoop(n) { let x = 1; for (let i = 1; i < n; i++) x = (x * 31 + i * i) % 1000003; return x; }
const end = Date.now() + 1000;
globalThis.kept = [];
function hotAllocation() { kept.push(Array.from({ length: 10000 }, (_, i) => ({ i }))); }
while (Date.now() < end) { hotLoop(200000); if (kept.length < 200) hotAllocation(); }
`;

const more = `
function newLoop(n) { let x = 1; for (let i = 1; i < n; i++) x = (x * 17 + i * i) % 1000033; return x; }
const later = Date.now() + 1000;
while (Date.now() < later) newLoop(200000);
`;

const java = `
public class Hot {
  static long hotLoop(long n) { long x = 1; for (long i = 1; i < n; i++) x = (x * 31 + i * i) % 1000003; return x; }
  public static void main(String[] argv) {
    long end = System.currentTimeMillis() + 3000, sum = 0;
    while (System.currentTimeMillis() < end) sum += hotLoop(200000);
    System.out.println(sum);
  }
}
`;

const go = `
package main

import (
	"os"
	"runtime/pprof"
)

//go:noinline
func hotLoop(n int) (x int) {
	for i := 0; i < n; i++ {
		x += i * x
	}
	return
}

//go:noinline
func newLoop(n int) (x int) {
	for i := 0; i < n; i++ {
		x -= i * x
	}
	return
}

func main() {
	for _, name := range os.Args[1:] {
		file, _ := os.Create(name)
		_ = pprof.StartCPUProfile(file)
		for i := 0; i < 700; i++ { // work and not time, which a busy machine gives to others
			hotLoop(1000000)
			if name == "later.pb.gz" {
				newLoop(2000000)
			}
		}
		pprof.StopCPUProfile()
		_ = file.Close()
	}
}
`;

const perf = ['12345.678901', '12345.688901', '12345.698901']
  .map(
    (time) =>
      `app 4711/4712 [001] ${time}:     250000 cycles:u: \n\t    7f3c9a1b2c3d hotLoop+0x1d (/usr/bin/app)\n\t    7f3c9a1b2c3e main+0x1d (/usr/bin/app)\n\n`,
  )
  .join('');

/** Writes them into the folder; takes the better part of a minute. */
export function makeProfiles(folder: string): void {
  const file = (name: string) => join(folder, name);
  const run = (program: string, ...argv: string[]) => execFileSync(program, argv, { cwd: folder, stdio: 'pipe' });
  writeFileSync(file('hot.cjs'), javascript);
  mkdirSync(file('later'));
  writeFileSync(file('later/hot.cjs'), `${javascript}\n${more}`);
  run(process.execPath, '--cpu-prof', '--cpu-prof-name=cpu.cpuprofile', 'hot.cjs');
  run(process.execPath, '--heap-prof', '--heap-prof-name=heap.heapprofile', 'hot.cjs');
  writeFileSync(file('Hot.java'), java);
  run('java', '-XX:StartFlightRecording=filename=app.jfr,settings=profile', 'Hot.java');
  mkdirSync(file('hot'));
  writeFileSync(file('hot/main.go'), go);
  run('go', 'run', 'hot/main.go', 'cpu.pb.gz', 'later.pb.gz');
  writeFileSync(file('perf.txt'), perf);
  writeFileSync(file('stacks.txt'), 'main;work;hotLoop 97\nmain;idle 3\n');
  writeFileSync(file('later.txt'), 'main;work;hotLoop 50\nmain;work;newLoop 60\n');
  run(process.execPath, '--cpu-prof', '--cpu-prof-name=later.cpuprofile', 'later/hot.cjs');
  writeFileSync(file('earlier.jfr'), sampled([[['hotLoop', 'main'], 9]]));
  writeFileSync(
    file('later.jfr'),
    sampled([
      [['hotLoop', 'main'], 5],
      [['newLoop', 'main'], 12],
    ]),
  );
}
