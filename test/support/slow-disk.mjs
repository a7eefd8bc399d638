// `node --import slow-disk.mjs …`: files are written at no more than 50 MB/s.
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const bytesPerMillisecond = 50_000;
const handle = await open('/dev/null', 'w');
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const { write } = prototype;
let free = 0;
prototype.write = async function slowly(...words) {
  const written = await write.apply(this, words);
  free = Math.max(free, performance.now()) + written.bytesWritten / bytesPerMillisecond;
  await sleep(free - performance.now());
  return written;
};
