import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { Retried } from './test/support/retried.ts';
import { excusable } from './test/support/verdict.ts';

// A machine that is shared can stall for longer than a deadline lasts: what fails twice in a row is no accident. All failures are shown.
// What no slowness explains, as a damaged file that is called whole, fails at once.
const retry = { count: 1, condition: excusable };
const patient = { testTimeout: 240_000, hookTimeout: 300_000, retry };

/** What takes longest comes first, so that at the end nobody waits for it alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => (/jvm-table|remote\/lease|pull\/exit/.test(moduleId) ? 0 : 1);
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new Retried()],
    projects: [
      {
        test: {
          name: 'unit',
          // Only a guard: on a machine that is busy otherwise, each child of a shell may take a second.
          testTimeout: 30_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/cluster/**', 'test/browser/**', 'test/faults/**'],
          // Much of it waits: two more than vitest takes on a machine of two processors.
          maxWorkers: 3,
          retry,
        },
      },
      { test: { name: 'browser', include: ['test/browser/*.test.ts'], maxWorkers: 3, ...patient } },
      // Each test is a kprof and a pod: more of them at a time would make slow machines miss deadlines.
      { test: { name: 'faults', include: ['test/faults/*.test.ts'], maxWorkers: 3, maxConcurrency: 4, ...patient } },
      { test: { name: 'e2e', include: ['test/e2e/*.test.ts'], maxWorkers: 3, ...patient } },
      // What is measured, or attacks, has the machine for itself.
      { test: { name: 'e2e-alone', include: ['test/e2e/alone/*.test.ts'], maxWorkers: 1, maxConcurrency: 4, ...patient } },
    ],
  },
});
