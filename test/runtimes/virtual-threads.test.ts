import { expect, it } from 'vitest';
import { notWhole, notWritten, onlyVirtual } from '../../src/runtimes/virtual-threads.ts';

const file =
  '1\n2026-11-21T15:31:25.86Z\n21.0.12\n\n#1 "main"\n      Trouble.main(Trouble.java:22)\n\n#22 "" virtual\n      Trouble.nap(Trouble.java:94)\n\n#30 "a b" virtual WAITING\n      X.y(X.java)\n\n#31 "virtual"\n      Z.z(Z.java)\n';

it('leaves virtual threads', () => {
  expect(onlyVirtual(file)).toBe(
    'Virtual threads:\n\n#22 "" virtual\n      Trouble.nap(Trouble.java:94)\n\n#30 "a b" virtual WAITING\n      X.y(X.java)\n',
  );
  expect(onlyVirtual('1\n\n#1 "main"\n')).toBe('');
});

it('are missed where they were not written down, or not whole', () => {
  expect(notWritten('Created /tmp/x\n')).toBeUndefined();
  expect(notWritten('')).toMatch(/it answered nothing$/);
  expect(notWritten('Failed: java.io.IOException: No space left on device\x1b[2J\n')).toMatch(/: Failed: .*No space left on device\\x1b/);
  expect(notWhole(`${file}\n`)).toBeUndefined();
  for (const text of ['', file, file.slice(0, 60)]) expect(notWhole(text)).toMatch(/missing/);
});
