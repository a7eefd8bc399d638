import { expect, test } from 'vitest';
import { exits } from '../support/exits.ts';
import { sandbox } from '../support/sandbox.ts';
import { drawBytes } from '../support/seed.ts';

// 200 of 1 GiB: bench/exits.ts.
const runs = 12;

test(`${runs} processes that pulled 128 MiB each end by themselves`, { timeout: 300_000 }, async () => {
  using box = sandbox();
  await using processes = await exits(drawBytes(128 * 2 ** 20));
  for (let run = 0; run < runs; run++) {
    const { after, ...ended } = await processes.run(box.path, 20_000);
    expect(ended, `run ${run}`).toMatchObject({ right: true, code: 0 });
    expect(after, `run ${run}`).toBeLessThan(20_000);
  }
});

test(`${runs} processes that are interrupted three times while they pull leave at once`, { timeout: 300_000 }, async () => {
  using box = sandbox();
  await using processes = await exits(drawBytes(128 * 2 ** 20));
  for (let run = 0; run < runs; run++) {
    const { after, ...ended } = await processes.run(box.path, 20_000, 'interrupted');
    expect(ended, `run ${run}`).toMatchObject({ right: true, code: 130 });
    expect(after, `run ${run}`).toBeLessThan(20_000);
  }
});
