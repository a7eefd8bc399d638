import { describe, expect, it } from 'vitest';
import {
  capturing,
  checking,
  interfaces,
  listening,
  passing,
  refused,
  tallied,
  type Wanted,
  wholeFilter,
} from '../../src/runtimes/tcpdump.ts';

const wanted: Wanted = { interface: 'eth0', filter: [], snapLength: undefined, count: undefined, buffer: 8 * 1024 * 1024 };

describe("tcpdump's argv", () => {
  it.each([[['-z', 'id']], [['-w /etc/x']], [[';', '$(id)', '`id`', '| sh']]])('has the filter %j behind --, word for word', (filter) => {
    for (const argv of [checking({ ...wanted, filter }), capturing({ ...wanted, filter })])
      expect(argv.slice(argv.indexOf('--'))).toEqual(['--', ...filter]);
  });

  it("leaves out what is none of anybody's before the filter, whose words can't change what that means", () => {
    const except = passing('any', [10250, 6443]);
    const filter = ['vlan', 'or', 'port', '1'];
    const all = 'not ( tcp port 10250 or tcp port 6443 or net 127.0.0.0/8 or ip6 host ::1 )';
    expect(wholeFilter({ ...wanted, except }).join(' ')).toBe(all);
    const argv = capturing({ ...wanted, filter, except });
    expect(argv.slice(argv.indexOf('--') + 1).join(' ')).toBe(`${all} and ( vlan or port 1 )`);
    expect(passing('eth0', [10250]).join(' ')).toBe('tcp port 10250');
  });

  it('keeps its user, who could not be ended otherwise, writes each packet at once, and to stdout', () => {
    const argv = capturing({ ...wanted, snapLength: 96, count: 5 });
    expect(argv.join(' ')).toBe('tcpdump -i eth0 -Z root -p -U --time-stamp-precision=nano -s 96 -B 8192 -c 5 -w -');
    expect(checking(wanted).join(' ')).toBe('tcpdump -i eth0 -Z root -p -d');
  });
});

describe("tcpdump's words", () => {
  it('tell when it has begun', () => {
    expect(listening.test('tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n')).toBe(true);
    expect(listening.test('tcpdump: data link type LINUX_SLL2\n')).toBe(false);
  });

  it.each([
    ['1 packet captured\n2 packets received by filter\n0 packets dropped by kernel\n', { captured: 1, received: 2, dropped: 0 }],
    [
      'tcpdump: 3 packets captured, 9 packets received by filter, 6 packets dropped by kernel\n8 packets captured\n9 packets received by filter\n1 packet dropped by kernel\n',
      { captured: 8, received: 9, dropped: 1 },
    ],
    ['tcpdump: listening on eth0\n', undefined],
  ])('tell what it counted, the last time: %j', (said, counted) => expect(tallied(said)).toEqual(counted));

  it.each([
    [
      "tcpdump: data link type LINUX_SLL2\ntcpdump: can't parse filter expression: syntax error\n",
      ['port', 'foo'],
      'usage',
      "can't parse filter expression: syntax error",
    ],
    [
      'tcpdump: eth7: No such device exists\n(No such device exists)\n',
      ['port', '1'],
      'failed',
      'eth7: No such device exists\n(No such device exists)',
    ],
    [
      "tcpdump: eth0: You don't have permission to perform this capture on that device\n",
      ['port', '1'],
      'forbidden',
      expect.stringContaining('permission'),
    ],
    ["tcpdump: Couldn't change to 'root' uid=0 gid=0: Operation not permitted\n", [], 'forbidden', expect.stringContaining('root')],
  ] as const)('make an error of %j', (stderr, filter, failure, cause) => {
    expect(refused({ ...wanted, filter }, { code: 1, stderr })).toMatchObject({ failure, cause });
  });

  it('of ip tell the interfaces and their addresses', () => {
    const said =
      'lo               UNKNOWN        127.0.0.1/8 ::1/128 \neth0@if5         UP             10.0.0.7/24 \ndummy0           DOWN           \n';
    expect(interfaces(said)).toEqual({ names: ['lo', 'eth0', 'dummy0'], inWords: 'lo (127.0.0.1/8, ::1/128), eth0 (10.0.0.7/24), dummy0' });
  });
});
