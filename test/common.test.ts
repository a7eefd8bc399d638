import { describe, expect, it } from 'vitest';
import { captureFlagsOf, checkFit, flagsOf, withOutput } from '../src/common.ts';
import { help } from '../src/help.ts';
import { parse } from '../src/parse.ts';
import type { Toolkit } from '../src/toolkit.ts';
import { asprof } from '../toolkits/asprof.ts';
import { delve } from '../toolkits/delve.ts';
import { heapdump } from '../toolkits/heapdump.ts';
import { pcap } from '../toolkits/pcap.ts';

const check = (toolkit: Toolkit, ...argv: readonly string[]) =>
  checkFit(toolkit, parse(argv, flagsOf(toolkit), () => new Uint8Array()).typed);

describe('a flag without a meaning for the tool', () => {
  it.each([
    [pcap, 'pid', ['--pid', '7']],
    [pcap, 'allow-ptrace', ['--allow-ptrace']],
    [delve, 'file', ['-f', 'x']],
    [delve, 'force', ['--force']],
    [delve, 'viewer', ['--viewer', 'auto']],
    [delve, 'no-open', ['--no-open']],
  ] as const)('%o: --%s is refused, and not in the help', (toolkit, name, argv) => {
    expect(() => check(toolkit as Toolkit, ...argv)).toThrow(
      expect.objectContaining({
        failure: 'usage',
        message: expect.stringContaining(`--${name} has no meaning here: kprof ${toolkit.name}`),
      }),
    );
    expect(help(toolkit.name, 100)).not.toMatch(new RegExp(`^ .*--${name}\\b`, 'm'));
    expect(() => check(heapdump as Toolkit, ...argv)).not.toThrow();
    expect(help('heapdump', 100)).toMatch(new RegExp(`^ .*--${name}\\b`, 'm'));
  });

  it('is none that was not given', () => {
    for (const toolkit of [pcap, delve]) expect(() => check(toolkit as Toolkit)).not.toThrow();
  });
});

describe('-o with a word of another flag', () => {
  const output = (...argv: readonly string[]) =>
    withOutput(
      asprof as Toolkit,
      parse(argv, flagsOf(asprof as Toolkit), () => new Uint8Array()),
    );

  it.each([
    [[], { format: 'jfr', output: undefined }],
    [['-o', 'collapsed'], { format: 'collapsed', output: undefined }],
    [['-o', 'collapsed', '--format', 'collapsed'], { format: 'collapsed', output: undefined }],
    [['-o', 'json', '--format', 'collapsed'], { format: 'collapsed', output: 'json' }],
    [['-f', 'x.html'], { format: 'flamegraph', file: 'x.html' }],
    [['-f', 'out/X.Collapsed', '-o', 'json'], { format: 'collapsed', output: 'json' }],
    [['-f', 'x.jfr'], { format: 'jfr' }],
    [['-f', 'x.html/'], { format: 'jfr' }],
    [['-f', 'x.html', '-o', 'collapsed'], { format: 'collapsed', output: undefined }],
    [['-f', 'x.html', '--format', 'jfr'], { format: 'jfr' }],
  ])('%j is that flag', (argv, expected) => expect(output(...argv)).toMatchObject(expected));

  it('is refused beside another word of it', () => {
    expect(() => output('--format', 'jfr', '-o', 'flamegraph')).toThrow(
      expect.objectContaining({ failure: 'usage', message: '--format jfr and -o flamegraph both say what is to be written' }),
    );
  });
});

describe('the help', () => {
  it('tells what --ttl is to a session', () => {
    expect(captureFlagsOf(delve as Toolkit)['ttl']?.description).toMatch(/^How long to wait for a first client/);
    expect(captureFlagsOf(pcap as Toolkit)['ttl']?.description).toMatch(/^How long the idle debug container/);
  });

  it('tells the right that several pods need', () => {
    expect(help('pcap', 100)?.replaceAll('\n', ' ')).toContain('for several pods also to list pods.');
    expect(help('delve', 100)).not.toContain('list pods');
  });
});
