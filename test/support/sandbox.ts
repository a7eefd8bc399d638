/** A fresh folder, and all that is in it. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is removed with what it holds when the scope ends. */
export function sandbox(): { readonly path: string; readonly tree: () => readonly string[]; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'kprof-test-'));
  return {
    path,
    tree: () =>
      (readdirSync(path, { recursive: true }) as string[])
        .map((name) => (statSync(join(path, name)).isDirectory() ? `${name}/` : name))
        .sort(),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
