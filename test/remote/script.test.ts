import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { supervisor } from '../../src/remote/script.ts';
import { shells } from '../support/shells.ts';

const sent = supervisor({ ttl: 600, first: 60, cap: 600 })[4] as string;
const whole = readFileSync(new URL('../../src/remote/kprof.sh', import.meta.url), 'utf8');

describe('the script as the spec has it', () => {
  it('says what it is, and where it stands with its comments', () => {
    const [first = '', second = ''] = sent.split('\n');
    expect(first).toMatch(/^# What runs in kprof's debug container/);
    expect(second).toContain('src/remote/kprof.sh');
  });

  // Each debug container stays in the pod's object for good, and that may have 1.5 MB.
  it('is small, and has lines that YAML shows as they are', () => {
    expect(Buffer.byteLength(sent)).toBeLessThan(30_000);
    expect(sent).not.toMatch(/\t|\r|\n\n/);
    expect(Math.max(...sent.split('\n').map((line) => line.length))).toBeLessThan(250);
  });

  it('has every line that does something', () => {
    const lines = whole.split('\n').map((line) => line.trim().replaceAll('\t', '  '));
    expect(sent.split('\n').slice(2)).toEqual(lines.filter((line) => line !== '' && !line.startsWith('#')).concat(''));
  });

  // What an indented line of it says would change.
  it('has no text of several lines with indentation in it', () => {
    expect(whole).not.toMatch(/<</);
    const lines = whole.split('\n').map((line) => line.replace(/(^|\s)# .*$/, ''));
    const open = lines.filter((line) => line.split("'").length % 2 === 0);
    expect(open).toEqual(["newline='", "'"]);
  });

  it.each(shells)('is understood by %s', (shell, path = process.env['PATH']) => {
    const program = shell === 'bash' ? 'bash' : 'sh';
    execFileSync(program, ['-n'], { input: sent, env: { ...process.env, PATH: path }, stdio: ['pipe', 'ignore', 'pipe'] });
  });
});
