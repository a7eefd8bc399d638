/** `node bench/cut.ts [MiB] [RUNS]`: pulls an incompressible file, each time cut once at a random offset, and prints what that costs. */
import { createHash, randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutRig } from '../test/support/cut-rig.ts';

const [mebibytes = '1024', runs = '20'] = process.argv.slice(2);
const content = Buffer.alloc(Number(mebibytes) * 2 ** 20);
for (let at = 0; at < content.length; at += 2 ** 26) randomFillSync(content, at, Math.min(2 ** 26, content.length - at));
const sha256 = createHash('sha256').update(content).digest('hex');
const folder = mkdtempSync(join(tmpdir(), 'kprof-bench-'));
let worst = 0;
try {
  await using rig = await cutRig(content);
  for (let run = 1; run <= Number(runs); run++) {
    const offset = Math.floor(Math.random() * content.length);
    rig.proxy.cutAfter(offset, 'once');
    const { sent, ratio, resumedAt, ...got } = await rig.run(folder);
    const same = got.sha256 === sha256;
    const right = same && resumedAt.length > 0 && ratio <= 1.02;
    worst = Math.max(worst, ratio);
    process.stdout.write(
      `${run}: cut at ${offset}, resumed at ${resumedAt.join(' ')}; per byte ${ratio.toFixed(5)} came and ${sent.toFixed(5)} were sent; the digest is ${same ? 'the same' : 'ANOTHER ONE'}\n`,
    );
    if (!right) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.stdout.write(`worst: ${worst.toFixed(5)} came, wanted at most 1.02\n`);
