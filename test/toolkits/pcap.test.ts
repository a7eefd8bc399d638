import { describe, expect, it } from 'vitest';
import { flagsOf } from '../../src/common.ts';
import type { KprofError } from '../../src/errors.ts';
import { parse } from '../../src/parse.ts';
import type { FlowPlan, PodWay } from '../../src/toolkit.ts';
import { pcap } from '../../toolkits/pcap.ts';

const typed = (...argv: readonly string[]) => parse(argv, flagsOf(pcap), () => new Uint8Array(), pcap.habits).options;
const options = (...argv: readonly string[]) => parse(argv, pcap.flags, () => new Uint8Array()).options;

const plan = (...argv: readonly string[]): FlowPlan => planOn(undefined, ...argv);

function planOn(linePorts: readonly number[] | undefined, ...argv: readonly string[]): FlowPlan {
  const typed = options(...argv);
  const way = pcap.ways(typed)[0] as PodWay<typeof pcap.flags>;
  return way.plan({ options: typed, facts: { interfaces: 'lo UNKNOWN 127.0.0.1/8\neth0@if5 UP 10.0.0.7/24\n' }, linePorts });
}

const word = (argv: readonly string[], flag: string): string | undefined => argv[argv.indexOf(flag) + 1];

describe('kprof pcap', () => {
  it.each([
    [['-l', 'app=x', '--filter', 'p-idle'], 'With -l the words are the filter, and "p-idle" looks like a name'],
    [['-l', 'app=x', '--filter', 'deploy/x'], '"deploy/x" looks like a name'],
    [['--snaplen', '10', '--headers-only'], '--headers-only is --snaplen 96, and --snaplen 10 is another'],
  ])('refuses what does not go together: %j', (argv, message) => {
    expect(() => pcap.ways(options(...argv))).toThrow(
      expect.objectContaining({ failure: 'usage', message: expect.stringContaining(message) }),
    );
  });

  it.each([
    [[], 'pcapng'],
    [['--format', 'pcap'], 'pcap'],
    [['-f', 'x.pcap'], 'pcap'],
    [['-f', 'x.PCAP', '--rotate', '20kB'], 'pcap'],
    [['-f', 'x.pcapng'], 'pcapng'],
    [['-f', 'x.pcap/'], 'pcapng'],
    [['-f', 'x.pcap', '-l', 'app=x'], 'pcapng'],
    [['-f', 'x.pcap', '--format', 'pcapng'], 'pcapng'],
    [['-f', 'x.pcapng', '--format', 'pcap'], 'pcap'],
  ])('writes the kind of file that was typed, or that its name says: %j', (argv, format) => {
    expect(pcap.ways(typed(...argv) as unknown as ReturnType<typeof options>)[0]).toMatchObject({ format });
  });

  it('puts no secrets into a file whose name says that it has no place for them', () => {
    const both = typed('-f', 'x.pcap', '--keylog', 'keys') as unknown as ReturnType<typeof options>;
    expect(() => pcap.ways(both)).toThrow(expect.objectContaining({ failure: 'usage', hint: 'name it so: -f x.pcapng' }));
  });

  it('merges into no file whose name says that it is another kind', () => {
    const merged = typed('-l', 'app=x', '--merge', '-f', 'all.pcap') as unknown as ReturnType<typeof options>;
    expect(() => pcap.ways(merged)).toThrow(expect.objectContaining({ failure: 'usage', hint: 'name it so: -f all.pcapng' }));
  });

  it.each([['--live'], ['--viewer', 'tshark'], ['--viewer', 'termshark']])(
    'does not show here what goes to another program: %s %s',
    (...argv) => {
      const both = typed('-f', '-', ...argv.filter((each) => each !== undefined)) as unknown as ReturnType<typeof options>;
      expect(() => pcap.ways(both)).toThrow('--live shows the packets here, and -f - sends them to another program');
    },
  );

  it.each(['tcp', 'port 80', '10.0.0.0/8', 'fe80::/10', 'tcp[tcpflags] & tcp-syn != 0'])('takes the filter %j with labels', (filter) => {
    expect(pcap.ways(options('-l', 'app=x', '--filter', filter))).toHaveLength(1);
  });

  it('says with labels that a word is no name, where it is no filter', () => {
    const check = (...argv: readonly string[]) => plan('--filter', 'web', ...argv).check.refused({ code: 1, stderr: 'syntax error' }).hint;
    expect(check('-l', 'app=x')).toMatch(/^with -l all words are the filter, and none is a name; a filter is like/);
    expect(check()).toMatch(/^a filter is like/);
  });

  it('captures all of every packet of every interface until Ctrl-C, unless told otherwise', () => {
    const { run, for: time, mostBytes } = plan();
    expect([word(run, '-i'), word(run, '-s'), time, mostBytes]).toEqual(['any', '0', undefined, undefined]);
  });

  it('leaves its own line out where the pod is in the network of its node, and says so', () => {
    const { run, check, filter, without } = planOn([10250, 6443], '--filter', 'port 80');
    for (const argv of [run, check.run]) expect(argv.join(' ')).toMatch(/ -- not \( tcp port 10250 or .* \) and \( port 80 \)$/);
    expect(filter).toMatch(/10250.*port 80/);
    expect(without).toBe("The ports that kprof's own line may take are left out: 10250, 6443; and lo, which -i lo captures with a filter");
    expect(planOn([10250], '-i', 'eth0').without).toBe("The ports that kprof's own line may take are left out: 10250");
    expect(plan().without).toBeUndefined();
  });

  it('takes kinds of limits', () => {
    const {
      run,
      for: time,
      mostBytes,
    } = plan('-i', 'eth0', '--headers-only', '--duration', '10s', '--count', '7', '--max-size', '2MB', '--buffer-size', '1MiB');
    expect([word(run, '-i'), word(run, '-s'), word(run, '-c'), word(run, '-B')]).toEqual(['eth0', '96', '7', '1024']);
    expect([time, mostBytes]).toEqual([10_000, 2_000_000]);
    expect(word(plan('--snaplen', '200').run, '-s')).toBe('200');
    expect(word(plan('--snaplen', '0').run, '-s')).toBe('0');
  });

  it.each([
    [['-f', 'port 80'], '-f takes FILE', /filter stands behind the name/],
    [['-f', 'host 10.0.0.7'], '-f takes FILE', /filter stands/],
    [['-s0'], '-s takes URL', /--snaplen/],
    [['-s', '96'], '-s takes URL', /--snaplen/],
    [['-f', 'net 10.0.0.0/8'], '-f takes FILE', /filter stands/],
    [['-f', 'port 80 and net 10.0.0.0/8 and tcp'], '-f takes FILE', /filter stands/],
    [['-f', '(port 80 or port 81)'], '-f takes FILE', /filter stands/],
    [['-f', '! port 80'], '-f takes FILE', /filter stands/],
    [['-c', '100'], '-c takes NAME', /--count.*--container 1$/],
    [['-ni', 'eth0'], '-n takes NAMESPACE', /^-i eth0/],
    [['-nni', 'eth0'], '-n takes NAMESPACE', /^-i eth0/],
    [['-nnvvi', 'eth0', 'port', '80'], '-n takes NAMESPACE', /^-i eth0/],
    [['-B', '4096'], 'There is no flag -B', /--buffer-size/],
    [['-U'], 'There is no flag -U', /leave it out/],
    [['-D'], 'There is no flag -D', /^-i x/],
    [['-nn'], '-n takes NAMESPACE', /never looked up/],
    [['-nnvvXS'], '-n takes NAMESPACE', /never looked up/],
    [['-vvv'], '-v takes LEVEL', /-f - \| tcpdump -r - -A/],
    [['-o', 'x.pcap'], '-o takes', /-f x\.pcapng/],
    [['-w', 'out.pcap'], 'There is no flag -w', /-f x\.pcapng/],
    [['-C', '100'], 'There is no flag -C', /--rotate/],
    [['-W', '5'], 'There is no flag -W', /--keep-files/],
    [['-G', '60'], 'There is no flag -G', /--duration/],
    [['-A'], 'There is no flag -A', /tcpdump -r - -A/],
    [['-XX'], 'There is no flag -X', /tcpdump -r - -A/],
  ])('tells users of tcpdump and ksniff what their flags are here: %j', (argv, message, hint) => {
    expect(() => typed(...argv)).toThrow(
      expect.objectContaining({ failure: 'usage', message: expect.stringContaining(message), hint: expect.stringMatching(hint) }),
    );
  });

  it.each([
    ['-f', 'my captures/x.pcapng'],
    ['-f', './port 80'],
    ['-f', 'my captures/'],
    ['-f', 'x'],
    ['-f', 'My Files/x'],
    ['-f', 'My Captures'],
    ['-f', 'host files/x y'],
    ['-f', 'Net Captures'],
    ['-f', 'network captures'],
    ['-f', 'net C:\\x y'],
    ['-f', '/a folder/10/8 x'],
    ['--container', '1'],
    ['-n', 'i'],
    ['-nnginx'],
    ['-nnet'],
    ['-s', 'https://10.0.0.1'],
    ['-v', '6'],
  ])(
    // biome-ignore format: a table
    'leaves other uses of these alone: %s %s',
    (...argv) => expect(() => typed(...argv.filter((each) => each !== undefined))).not.toThrow(),
  );

  it('lists the interfaces where there is none of the name', () => {
    expect(() => plan('-i', 'eth7')).toThrow(
      expect.objectContaining({ failure: 'usage', hint: 'it has any, lo (127.0.0.1/8), eth0 (10.0.0.7/24)' }),
    );
  });

  it.each([
    ['-i', '-w'],
    ['-i', 'eth0\n'],
    ['-i', 'a-name-longer-than-any'],
    ['-i', '../eth0'],
    ['--filter', 'port 80\n-w /etc/x'],
    ['--filter', 'port\x1b[2J'],
    ['--snaplen', '262145'],
    ['--max-size', '10'],
    ['--max-size', 'lots'],
    ['--format', 'exe'],
  ])('refuses %s %j', (flag, value) => {
    expect(() => options(`${flag}=${value}`.replace(/^(-.)=/, '$1'))).toThrow(
      expect.objectContaining({ failure: 'usage' } satisfies Partial<KprofError>),
    );
  });
});
