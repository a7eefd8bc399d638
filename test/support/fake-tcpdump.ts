/**
 * Behaves as tcpdump does for whoever starts it: a file of packets on stdout, its talk on stderr, SIGINT for its end, SIGUSR1 for how far it is.
 * `node fake-tcpdump.ts COUNT PAUSE SIZE [FILE]`: so many packets with so many milliseconds between them, 0 for as fast as they are taken;
 * FILE gets its process id. It goes on, idle, until SIGINT.
 */
import { writeFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pcapFile } from './packets.ts';

const [count = 0, pause = 0, size = 60] = process.argv.slice(2, 5).map(Number);
const file = process.argv[5];
if (file !== undefined) writeFileSync(file, String(process.pid));
let captured = 0;
let over = false;
const tell = (separator: string) =>
  process.stderr.write(
    `${['captured', 'received by filter', 'dropped by kernel'].map((what, at) => `${at === 2 ? 3 : captured} packets ${what}`).join(separator)}\n`,
  );
process.on('SIGUSR1', () => tell(', '));
process.on('SIGINT', () => {
  over = true;
});
process.stderr.write('fake-tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n');

/** All of it, whoever takes it: stdout of a pipe may be full. */
async function write(bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await sleep(1);
    }
  }
}

await write(pcapFile([], { nano: true }));
while (!over) {
  if (captured === count) {
    await sleep(10);
    continue;
  }
  const data = Buffer.alloc(size, captured);
  await write(pcapFile([{ seconds: 1_700_000_000, nanos: captured, data }], { nano: true }).subarray(24));
  captured += 1;
  await sleep(pause);
}
tell('\n');
process.exit(0);
