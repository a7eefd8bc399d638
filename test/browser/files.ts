/** Real profiles of programs whose hot function is known. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const javascript = `
function hotLoop(n) { let x = 1; for (let i = 1; i < n; i++) x = (x * 31 + i * i) % 1000003; return x; }
const end = Date.now() + 1000;
globalThis.kept = [];
function hotAllocation() { kept.push(Array.from({ length: 10000 }, (_, i) => ({ i }))); }
while (Date.now() < end) { hotLoop(200000); if (kept.length < 200) hotAllocation(); }
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
	"time"
)

//go:noinline
func hotLoop(n int) (x int) {
	for i := 0; i < n; i++ {
		x += i * x
	}
	return
}

func main() {
	file, _ := os.Create(os.Args[1])
	_ = pprof.StartCPUProfile(file)
	for start := time.Now(); time.Since(start) < time.Second; {
		hotLoop(1000000)
	}
	pprof.StopCPUProfile()
	_ = file.Close()
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
  run(process.execPath, '--cpu-prof', '--cpu-prof-name=cpu.cpuprofile', 'hot.cjs');
  run(process.execPath, '--heap-prof', '--heap-prof-name=heap.heapprofile', 'hot.cjs');
  writeFileSync(file('Hot.java'), java);
  run('java', '-XX:StartFlightRecording=filename=app.jfr,settings=profile', 'Hot.java');
  mkdirSync(file('hot'));
  writeFileSync(file('hot/main.go'), go);
  run('go', 'run', 'hot/main.go', 'cpu.pb.gz');
  writeFileSync(file('perf.txt'), perf);
  writeFileSync(file('stacks.txt'), 'main;work;hotLoop 97\nmain;idle 3\n');
}
