/** What both kinds of file have in common: one record behind the other. */

/** How records follow each other. Both throw a Broken where no file could be so. */
export interface Grammar {
  /** How many bytes from `at` are needed to read on, of which there are `there`: all of a record, or what tells its length. */
  needs(bytes: Buffer, at: number, there: number): number;
  /** Reads the record at `at`; gives its length, which may be more than is there: the rest is passed over. */
  read(bytes: Buffer, at: number): number;
}

/** Why it is no such file. */
export class Broken extends Error {}

/** As much of a packet as there can be: https://github.com/wireshark/wireshark/blob/master/wiretap/wtap.h (WTAP_MAX_PACKET_SIZE_STANDARD) */
export const longestPacket = 262_144;
