import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Desk, desk, jfr } from './support.ts';

// The interpreter keeps the hidden frames of the method handle, which `jfr print` leaves out.
const source = `
import java.lang.invoke.*;
public class Spin {
  static double sum;
  static void hot() { for (int i = 0; i < 5_000_000; i++) sum += i * 0.5; }
  static void handle(MethodHandle max) throws Throwable { for (int i = 0; i < 200_000; i++) sum += (double) max.invokeExact((double) i); }
  public static void main(String[] arguments) throws Throwable {
    var type = MethodType.methodType(double.class, double.class, double.class);
    var max = MethodHandles.insertArguments(MethodHandles.lookup().findStatic(Math.class, "max", type), 0, 7.0);
    for (long end = System.currentTimeMillis() + 4000; System.currentTimeMillis() < end; handle(max)) hot();
  }
}`;

let laptop: Desk;
let recording: string;

beforeAll(() => {
  laptop = desk();
  recording = join(laptop.folder, 'spin.jfr');
  writeFileSync(join(laptop.folder, 'Spin.java'), source);
  const options = `-XX:StartFlightRecording=filename=${recording},settings=profile`;
  execFileSync('java', ['-Xint', options, join(laptop.folder, 'Spin.java')], { stdio: 'ignore', timeout: 60_000 });
});
afterAll(() => laptop?.remove());

it('the top of a recording is what jfr print counts', async () => {
  const printed = jfr('print', '--events', 'jdk.ExecutionSample', '--stack-depth', '1', recording);
  const innermost = [...printed.matchAll(/stackTrace = \[\n\s*(\S+?)\(/g)].map((match) => match[1] as string);
  const counts = new Map<string, number>();
  for (const name of innermost) counts.set(name, (counts.get(name) ?? 0) + 1);
  const { stdout, stderr } = await laptop.kprof('top', recording, '-o', 'json');
  const { summary } = JSON.parse(stdout || stderr) as { summary: { samples: number; flat: Record<string, number> } };
  expect(innermost.length).toBeGreaterThan(20);
  expect(summary.samples).toBe(innermost.length);
  for (const [name, count] of Object.entries(summary.flat).filter(([, each]) => each > 0)) expect(counts.get(name), name).toBe(count);
  expect(Object.keys(summary.flat)[0]).toBe('Spin.hot');
  expect((await laptop.kprof('top', recording)).stdout).toMatch(/samples of Java methods\n *flat .*\n.* Spin\.hot$/m);
});
