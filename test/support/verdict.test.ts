import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { excusable, surely } from './verdict.ts';

it('what is surely wrong is not tried again, and all else is', async () => {
  const wrong = await surely(() => expect('half', 'exit 0').toBe('whole')).catch((error: unknown) => error);
  expect(String((wrong as Error).message)).toMatch(/^wrong verdict: exit 0: expected 'half' to be 'whole'/);
  expect(excusable.test((wrong as Error).message)).toBe(false);
  const absent = await surely(() => readFileSync('/no/such')).catch((error: unknown) => error);
  expect(excusable.test((absent as Error).message)).toBe(true);
  expect(excusable.test('Test timed out in 240000ms.')).toBe(true);
  expect(excusable.test("expected 'wrong verdict: ' to be ''")).toBe(true);
});

it('what is right stays so', () => expect(surely(async () => expect(1).toBe(1))).resolves.toBeUndefined());
