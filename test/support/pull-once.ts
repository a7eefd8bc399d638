/** `node pull-once.ts PORT BYTES TO`: pulls the file of a rig (cut-rig.ts) through the real exec stream, prints its digest, and has no more to do. */
import { pull } from '../../src/pull/pull.ts';
import { openAt } from './cut-rig.ts';

const [port, bytes, to = ''] = process.argv.slice(2);
const { sha256 } = await pull(openAt(Number(port)), { codec: 'zstd', name: 'x', to, maxBytes: Number(bytes) });
process.stdout.write(`${sha256}\n`);
