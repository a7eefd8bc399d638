import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const bake = read('docker-bake.hcl');
const folders = readdirSync(new URL('images/', root), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** What is between the braces of a block, whose closing brace is the first in column 0. */
const block = (head: string): string => new RegExp(`^${head} \\{\\n(.*?)^\\}`, 'ms').exec(bake)?.[1] ?? '';

/** The texts of a list. */
const list = (attribute: string, of: string): readonly string[] =>
  [...(new RegExp(`^ *${attribute} *= *\\[(.*)\\]`, 'm').exec(of)?.[1] ?? '').matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '');

describe('docker-bake.hcl', () => {
  it('builds the version of package.json, which kprof asks for', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(block('variable "VERSION"')).toContain(`default = "${version}"`);
  });

  it('builds for both platforms', () => {
    expect(list('platforms', block('target "image"'))).toEqual(['linux/amd64', 'linux/arm64']);
  });

  it('builds every folder of images/ by default', () => {
    expect([...list('targets', block('group "default"'))].sort()).toEqual([...folders].sort());
  });

  it.each(folders)('builds images/%s as kprof asks for it', (name) => {
    expect(existsSync(new URL(`images/${name}/Dockerfile`, root))).toBe(true);
    const target = block(`target "${name}"`);
    expect(list('inherits', target)).toEqual(['image']);
    expect(list('tags', target)).toEqual([`\${REGISTRY}/kprof-${name}:\${VERSION}`]);
    expect(target).toMatch(new RegExp(`^ *context *= "images/${name}"$`, 'm'));
  });
});
