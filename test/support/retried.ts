import { stripVTControlCharacters } from 'node:util';
import type { Reporter, TestCase } from 'vitest/node';

/** Tells why a test failed that passed when it was tried again: an accident of the machine is told from a fault that is rare. */
export class Retried implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    if (state !== 'passed' || errors.length === 0) return;
    const said = errors.map(({ stack, message }) => stripVTControlCharacters(stack ?? message).slice(0, 4000));
    process.stdout.write(`failed once: ${test.fullName}\n${said.join('\n')}\n`);
  }
}
