/** `node bench/exits.ts [RUNS] [MiB]`: pulls a large file in so many processes, and counts those that did not end by themselves. */
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exits } from '../test/support/exits.ts';

const [runs = '200', mebibytes = '1024'] = process.argv.slice(2);
const content = Buffer.alloc(Number(mebibytes) * 2 ** 20);
for (let at = 0; at < content.length; at += 2 ** 26) randomFillSync(content, at, Math.min(2 ** 26, content.length - at));
const folder = mkdtempSync(join(tmpdir(), 'kprof-bench-'));
const seen = { ended: 0, hung: 0, wrong: 0, slowest: 0 };
try {
  await using processes = await exits(content);
  for (let run = 1; run <= Number(runs); run++) {
    const { right, code, after, took } = await processes.run(folder, 60_000);
    if (after === undefined) seen.hung += 1;
    else if (right && code === 0) seen.ended += 1;
    else seen.wrong += 1;
    seen.slowest = Math.max(seen.slowest, after ?? 0);
    process.stdout.write(
      `${run}: pulled in ${(took / 1000).toFixed(1)} s, ${after === undefined ? 'HUNG' : `ended ${after.toFixed(0)} ms after`}\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.stdout.write(`${seen.ended} ended, ${seen.hung} hung, ${seen.wrong} went wrong; slowest end ${seen.slowest.toFixed(0)} ms\n`);
if (seen.ended < Number(runs)) process.exitCode = 1;
