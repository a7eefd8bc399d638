import { expect, test } from 'vitest';
import { containerOf } from '../src/run-fetch.ts';

const target = { container: 'app', alternatives: ['side'], ports: [{ name: undefined, port: 8081, container: 'side' }] };
const of = (port: number, named?: string, more: Partial<typeof target> = {}) =>
  containerOf({ where: { name: 'api', container: named } as never }, { ...target, ...more } as never, port);

test('a port is that of who declares it, and of nobody in particular where several may have it', () => {
  expect(of(8081)).toBe('side');
  expect(of(7070)).toBe('');
  expect(of(7070, 'app')).toBe('app');
  expect(of(7070, undefined, { alternatives: [] })).toBe('app');
});
