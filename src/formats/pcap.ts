/** Packets, as tcpdump, Wireshark and all of their family read and write them: pcapng and the classic pcap. */

import { KprofError } from '../errors.ts';
import { createIntake } from '../packets/intake.ts';
import { isPcap } from '../packets/pcap.ts';
import { isPcapng } from '../packets/pcapng.ts';
import { createReader } from '../packets/reader.ts';
import { summarise } from '../packets/summary.ts';
import { createTally } from '../packets/tally.ts';
import { pcapngWriter, pcapWriter } from '../packets/writer.ts';
import { type Format, openFile, type Summary } from './format.ts';

/** Reads all of the file. What is whole of one that is cut is told by the error. */
async function check(path: string): Promise<Summary> {
  const { counts, sink } = createTally();
  const reader = createReader(sink, path);
  await using file = await openFile(path);
  try {
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 18 })) reader.take(chunk as Buffer);
    reader.end();
  } catch (error) {
    if (!(error instanceof KprofError) || counts.packets === 0) throw error;
    throw new KprofError('incomplete', `${error.message}, behind ${counts.packets} whole packets`);
  }
  return summarise(counts);
}

/** The newer kind. */
export const pcapng: Format = {
  name: 'pcapng',
  extension: 'pcapng',
  viewers: ['wireshark'],
  matches: (head) => head.length >= 4 && isPcapng(head),
  check,
  intake: (provenance) => createIntake(pcapngWriter(provenance)),
};

/** The classic kind. */
export const pcap: Format = {
  name: 'pcap',
  extension: 'pcap',
  viewers: ['wireshark'],
  matches: (head) => head.length >= 4 && isPcap(head),
  check,
  intake: () => createIntake(pcapWriter),
};
