import { expect, test } from 'vitest';
import { isUsual, parseOwners, parseSockets } from '../../src/capture/listeners.ts';

const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:17AC 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65532        0 48151 1 0000000000000000 100 0 0 10 0
   1: 0100007F:17AC 0100007F:D431 01 00000000:00000000 00:00000000 00000000 65532        0 48152 1 0000000000000000 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1623 1 0
   1: 00000000000000000000000001000000:2553 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1624 1 0
   2: 000000FD000000000000000001000A00:2553 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1625 1 0
   3: 0302010A:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1626 1 0
`;

test('only sockets that listen count, of IPv4 and IPv6', () => {
  expect([...parseSockets(tcp)]).toEqual([
    ['48151', { port: 6060, address: '127.0.0.1' }],
    ['1623', { port: 8080, address: '::' }],
    ['1624', { port: 9555, address: '::1' }],
    ['1625', { port: 9555, address: 'fd00::a:1' }],
    ['1626', { port: 443, address: '10.1.2.3' }],
  ]);
  expect([...parseSockets(tcp).values()].map(isUsual)).toEqual([true, true, false, false, false]);
  expect(parseSockets('0: x 0A\n').size).toBe(0);
});

test('sockets belong to the processes whose folders show them', () => {
  const text = `/proc/self/fd:
lrwx------ 1 65532 65532 64 Nov 21 12:00 3 -> socket:[99]

/proc/1/fd:
lrwx------ 1 65532 65532 64 Nov 21 12:00 0 -> /dev/null
lrwx------ 1 65532 65532 64 Nov 21 12:00 3 -> socket:[48151]

/proc/12/fd:
lrwx------ 1 65532 65532 64 Nov 21 12:00 3 -> socket:[48151]
lrwx------ 1 65532 65532 64 Nov 21 12:00 4 -> socket:[7]
`;
  expect([...parseOwners(text)]).toEqual([
    ['48151', 1],
    ['7', 12],
  ]);
});
