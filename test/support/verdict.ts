/** What no second try excuses: a test that finds it fails, also where vitest would try it again. */

const mark = 'wrong verdict: ';

/** The errors after which a test may be tried again, for vitest's `retry.condition`. */
export const excusable = new RegExp(`^(?!${mark})`);

/** Does `check`; where that finds something wrong, the test fails for good. A file that is not there yet, or no more, is no finding. */
export async function surely(check: () => unknown): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (error instanceof Error && !('syscall' in error)) error.message = `${mark}${error.message}`;
    throw error;
  }
}
