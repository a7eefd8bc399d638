import { describe, expect, it } from 'vitest';
import { captureFlags, connectionFlags } from '../src/common.ts';
import { KprofError } from '../src/errors.ts';
import { parse } from '../src/parse.ts';
import { jfr } from '../toolkits/jfr.ts';

const flags = { ...connectionFlags, ...captureFlags, ...jfr.flags };
const settings = Buffer.from('<configuration version="2.0"></configuration>');
const line = (text: string) => parse(text === '' ? [] : text.split(' '), flags, () => settings);

/** What is typed, the words that are left, and the options that must come out. */
const corpus: readonly (readonly [typed: string, words: readonly string[], options: Record<string, unknown>])[] = [
  ['mypod', ['mypod'], { duration: 30_000, settings: 'profile', 'dry-run': false }],
  ['123', ['123'], {}],
  ['0x50', ['0x50'], {}],
  ['1e3 -n 007', ['1e3'], { namespace: '007' }],
  ['-n 0x50 mypod', ['mypod'], { namespace: '0x50' }],
  ['-nshop mypod', ['mypod'], { namespace: 'shop' }],
  ['-n=shop mypod', ['mypod'], { namespace: 'shop' }],
  ['--namespace=shop mypod', ['mypod'], { namespace: 'shop' }],
  ['--namespace shop mypod', ['mypod'], { namespace: 'shop' }],
  ['-n a -n b mypod', ['mypod'], { namespace: 'b' }],
  ['--duration 5s mypod --duration 1m30s', ['mypod'], { duration: 90_000 }],
  ['mypod --duration 15', ['mypod'], { duration: 15_000 }],
  ['mypod --duration=1.5h', ['mypod'], { duration: 5_400_000 }],
  ['--dry-run mypod', ['mypod'], { 'dry-run': true }],
  ['--dry-run=client mypod', ['mypod'], { 'dry-run': true }],
  ['--dry-run=none mypod', ['mypod'], { 'dry-run': false }],
  ['mypod --dry-run true', ['mypod', 'true'], { 'dry-run': true }],
  ['--no-open mypod', ['mypod'], { 'no-open': true }],
  ['-v6 mypod', ['mypod'], { v: 6 }],
  ['-v 6 mypod', ['mypod'], { v: 6 }],
  ['-v=6 mypod', ['mypod'], { v: 6 }],
  ['--v=6 mypod', ['mypod'], { v: 6 }],
  ['-qy mypod', ['mypod'], { quiet: true, yes: true }],
  ['-q -n x mypod', ['mypod'], { quiet: true, namespace: 'x' }],
  ['--as-group a --as-group b mypod', ['mypod'], { 'as-group': ['a', 'b'] }],
  ['-- --not-a-flag', ['--not-a-flag'], {}],
  ['deploy/api -c app', ['deploy/api'], { container: 'app' }],
  ['mypod --pid 7', ['mypod'], { pid: 7 }],
  ['-o json mypod', ['mypod'], { output: 'json' }],
  ['-ojson mypod', ['mypod'], { output: 'json' }],
  ['mypod -f -', ['mypod'], { file: '-' }],
  ['mypod --with-environment', ['mypod'], { 'with-environment': true }],
  ['--yes=false mypod', ['mypod'], { yes: false }],
];

/** What is typed, and what the error has to name. */
const wrong: [typed: string, message: string, hint?: string][] = [
  ['mypod --duration 0', '--duration 0 is too short'],
  ['mypod --duration -5s', '--duration "-5s" is not a duration'],
  ['mypod --duration abc', '--duration "abc" is not a duration', '15s'],
  ['mypod --duration 100ms', '--duration 100ms is too short: at least 1s'],
  ['mypod --duration 25h', 'too long'],
  ['mypod --duration', '--duration needs a value'],
  ['mypod -n', '-n needs a value'],
  ['mypod --durations 5s', 'There is no flag --durations', '--duration'],
  ['mypod --contxt x', 'There is no flag --contxt', '--context'],
  ['mypod -x', 'There is no flag -x'],
  ['mypod --start --duration 5s', '--duration and --start do not go together'],
  ['mypod --dump --settings default', '--settings and --dump do not go together'],
  ['mypod --stop --status', '--stop and --status do not go together'],
  ['mypod --maxage 5m', '--maxage has a meaning only with --start'],
  ['mypod --dump --maxsize 1g', '--maxsize has a meaning only with --start'],
  ['mypod --maxage 5m --start=false', '--maxage has a meaning only with --start'],
  ['mypod --pid abc', '--pid "abc"'],
  ['mypod --pid 0', '--pid "0"'],
  ['mypod --pid -1', '--pid "-1"'],
  ['mypod -o xml', '-o "xml" is none of json, yaml, name'],
  ['mypod --settings fast', '--settings "fast"'],
  ['mypod --yes=maybe', '--yes takes no value'],
  ['mypod --dry-run=server', '--dry-run=server'],
  ['-v mypod', '-v "mypod"'],
  ['mypod --image bad\timage', '--image "bad\timage" is no image reference'],
  ['mypod --image-pull-policy Sometimes', '--image-pull-policy "Sometimes"'],
  ['mypod --__proto__ x', 'There is no flag --__proto__'],
  ['mypod --constructor', 'There is no flag --constructor'],
];

describe('parse', () => {
  it.each(corpus)('reads %s as typed', (typed, words, options) => {
    const parsed = line(typed);
    expect(parsed.words).toEqual(words);
    expect(parsed.options).toMatchObject(options);
  });

  it.each(wrong)('refuses %s', (typed, message, hint) => {
    const error = (() => {
      try {
        line(typed);
      } catch (caught) {
        return caught as KprofError;
      }
      throw new Error(`${typed} was accepted`);
    })();
    expect(error).toBeInstanceOf(KprofError);
    expect(error.failure).toBe('usage');
    expect(error.message).toContain(message);
    expect(error.hint ?? '').toContain(hint ?? '');
  });

  it('refuses an empty value', () => {
    expect(() => parse(['mypod', '-n', ''], flags, () => new Uint8Array())).toThrow('-n needs a value');
  });

  it('reads a settings file of the user', () => {
    expect(line('mypod --settings my.jfc').options.settings).toEqual({ path: 'my.jfc', content: settings });
  });

  it('refuses a file that is none, by its name', () => {
    expect(() => parse(['--settings', 'my.jfc'], flags, () => Buffer.from('x'))).toThrow('my.jfc is no JFR settings file');
  });
});
