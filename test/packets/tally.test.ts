import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, dissect } from '../../src/packets/dissect.ts';
import { summarise } from '../../src/packets/summary.ts';
import { createTally } from '../../src/packets/tally.ts';
import { dns, flags, ip, links, tcp, udp } from '../support/packets.ts';
import '../support/seed.ts';

const [client, server] = ['10.0.0.7', '10.0.0.8'];

/** What is counted of packets of IP on a link. */
function counted(packets: readonly Buffer[], link = 1) {
  const { counts, sink } = createTally();
  sink.link({ type: link, snapLength: 0, name: undefined });
  for (const [at, packet] of packets.entries()) {
    const data = (links[link] as (packet: Buffer) => Buffer)(packet);
    sink.packet(0, 1000 + at, 0, data.length, data);
  }
  return { counts, ...summarise(counts) };
}

const there = (sequence: number, bits: number, payload = '') => ip(client, server, 6, tcp(40_000, 8080, sequence, bits, payload));

describe('what is counted', () => {
  it.each(Object.keys(links).map(Number))('is the same on link %i', (link) => {
    const { facts } = counted(
      [there(1, flags.ack, 'hello'), ip('fd00:0:0:0:0:0:0:1', 'fd00:0:0:0:0:0:0:2', 17, udp(53, 9, dns('a.b', 3)))],
      link,
    );
    expect(facts).toMatchObject({
      packets: 2,
      talkers: { '10.0.0.7 ↔ 10.0.0.8': expect.any(Number), 'fd00::1 ↔ fd00::2': expect.any(Number) },
      ports: { 'tcp/8080': expect.any(Number), 'udp/9': expect.any(Number) },
      dnsFailures: { 'NXDOMAIN a.b': 1 },
    });
  });

  it('tells segments that are sent again from new ones, and from questions whether anybody is there', () => {
    const row = [
      there(100, flags.syn),
      there(101, flags.ack, 'hello'),
      there(106, flags.ack, 'world'),
      there(101, flags.ack, 'hello'), // again
      there(110, flags.ack, 'd'), // asks
      there(111, flags.ack), // carries nothing
      there(104, flags.ack, 'lo world and more'), // partly new
    ];
    expect(counted(row).counts.retransmissions).toBe(1);
  });

  it('follows sequence numbers over their end', () => {
    const last = 2 ** 32 - 2;
    expect(counted([there(last, flags.ack, 'abcd'), there(2, flags.ack, 'e'), there(last, flags.ack, 'abcd')]).counts.retransmissions).toBe(
      1,
    );
  });

  it('counts resets and says what went wrong', () => {
    const { text, counts } = counted([there(1, flags.rst), ip(server, client, 17, udp(53, 5353, dns('no.such', 2)))]);
    expect(counts.resets).toBe(1);
    expect(text).toMatch(/^2 packets of .*Ethernet.*; 1 TCP reset; 1 DNS failure$/);
  });

  it('tells interfaces apart where one of all of them is captured', () => {
    const { counts, sink } = createTally();
    sink.link({ type: 276, snapLength: 0, name: 'any' });
    for (const device of [2, 3, 4, 3]) {
      const data = (links[276] as (packet: Buffer) => Buffer)(there(1, flags.ack, 'hello'));
      data.writeUInt32BE(device, 4);
      sink.packet(0, 1, 0, data.length, data);
    }
    expect(counts.retransmissions).toBe(1);
  });

  it('names the port of the server: whom a SYN asked, else whom more talk to, else the smaller', () => {
    const segment = (from: number, to: number, bits: number) => ip(client, server, 6, tcp(from, to, 1, bits, 'x'));
    const back = (from: number, to: number, bits: number) => ip(server, client, 6, tcp(from, to, 1, bits, 'x'));
    const ports = (...packets: readonly Buffer[]) =>
      Object.fromEntries([...counted(packets).counts.ports].map(([port, { packets: many }]) => [port, many]));
    expect(ports(segment(40_000, 50_051, flags.syn), back(50_051, 40_000, flags.ack))).toEqual({ 'tcp/50051': 2 });
    expect(ports(back(50_051, 40_000, flags.syn | flags.ack), segment(40_000, 50_051, flags.ack))).toEqual({ 'tcp/50051': 2 });
    expect(ports(segment(40_000, 50_051, flags.ack), back(50_051, 40_001, flags.ack))).toEqual({ 'tcp/50051': 2 });
    expect(ports(segment(40_000, 50_051, flags.ack), segment(40_001, 50_051, flags.syn))).toEqual({ 'tcp/50051': 2 });
    expect(ports(segment(40_000, 50_051, flags.ack), back(50_051, 40_000, flags.ack))).toEqual({ 'tcp/40000': 2 });
    const own = (from: number, to: number, bits: number) => ip(client, client, 6, tcp(from, to, 1, bits, 'x'));
    expect(ports(own(40_000, 50_051, flags.syn), own(50_051, 40_000, flags.ack))).toEqual({ 'tcp/50051': 2 });
  });

  it('finds failures of DNS over TCP, in segments that begin an answer', () => {
    const answer = dns('no.such', 3);
    const framed = Buffer.concat([Buffer.of(0, answer.length), answer]).toString('latin1');
    const over = (sequence: number, payload: string, from = 53) =>
      ip(server, client, 6, tcp(from, 40_000, sequence, flags.ack, Buffer.from(payload, 'latin1')));
    const { counts } = counted([over(1, framed), over(100, '\0\x05hello'), over(200, 'x'), over(300, ''), over(400, framed, 54)]);
    expect(counts.dnsFailures).toEqual(new Map([['NXDOMAIN no.such', 1]]));
  });

  it('shows what others chose without control characters', () => {
    const { details } = counted([ip(server, client, 17, udp(53, 5353, dns('evil\x1b[2J', 3)))]);
    expect(details?.(200)).toContain('NXDOMAIN evil\\x1b[2J');
    expect(details?.(200)).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  });

  it('shows both ends of a pair where there is little room', () => {
    const far = ip('fd00:0:0:1:1234:5678:9abc:def0', 'fd00:0:0:1:1234:5678:9abc:1111', 17, udp(53, 9, Buffer.alloc(9)));
    const { details } = counted([far, there(1, flags.ack, 'hello')]);
    const lines = details?.(40).split('\n') ?? [];
    expect(lines).toContain('         1     71 B  …bc:1111 ↔ …bc:def0');
    expect(lines).toContainEqual(expect.stringMatching(/ 10\.0\.0\.7 ↔ 10\.0\.0\.8$/));
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
    expect(details?.(120)).toContain('fd00::1:1234:5678:9abc:1111 ↔ fd00::1:1234:5678:9abc:def0');
  });

  it('keeps to its memory, however many talk', () => {
    const many = Array.from({ length: 12_000 }, (_, index) =>
      ip(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, server, 6, tcp(index & 0xffff, 80, 1, flags.ack, 'x')),
    );
    const { counts } = counted(many);
    expect(counts.packets).toBe(12_000);
    expect(counts.talkers.size).toBe(10_001);
    // One of them is of port 0, which is none.
    expect([...counts.ports]).toEqual([['tcp/80', { packets: 11_999, bytes: expect.any(Number) }]]);
    expect([...counts.talkers.values()].reduce((sum, { packets }) => sum + packets, 0)).toBe(12_000);
  });

  it('keeps what the kernel counted where a later word of it says less', () => {
    const { counts, sink } = createTally();
    sink.counted(0, { received: 100, dropped: 7 });
    sink.counted(0, { received: 150, dropped: undefined });
    sink.counted(0, { received: 160, dropped: 9 });
    expect([counts.received, counts.dropped]).toEqual([160, 9]);
  });

  it('reads any bytes without an error', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 101, 108, 113, 228, 229, 276, 999), fc.uint8Array({ maxLength: 120 }), (link, bytes) => {
        dissect(link, Buffer.from(bytes));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an address', () => {
  it.each([
    ['0a000001', '10.0.0.1'],
    ['00000000000000000000000000000001', '::1'],
    ['fe800000000000008456a5fffee17a85', 'fe80::8456:a5ff:fee1:7a85'],
    ['20010db8000000000000000000000000', '2001:db8::'],
    ['00000000000000000000000000000000', '::'],
    ['20010000000100000000000200000003', '2001:0:1::2:0:3'],
    ['20010db8000100020003000400050006', '2001:db8:1:2:3:4:5:6'],
  ])('%s is %s', (bytes, text) => expect(address(Buffer.from(bytes, 'hex').toString('latin1'))).toBe(text));
});
