/** Wireshark's readers of packets for the terminal: https://www.wireshark.org/docs/man-pages/tshark.html and https://termshark.io */
import { inPath, type Viewer } from './viewer.ts';
import { keys } from './wireshark.ts';

/** Prints a line for each packet. */
export const tshark: Viewer = {
  name: 'tshark',
  title: 'tshark',
  home: 'https://www.wireshark.org/download.html',
  places: (surroundings) => inPath('tshark', surroundings),
  argv: (file) => ['-r', file],
  live: { shows: 'lines', argv: ({ secrets }) => ['-l', '-r', '-', ...keys(secrets)] },
};

/** Takes the terminal for itself. */
export const termshark: Viewer = {
  name: 'termshark',
  title: 'termshark',
  home: 'https://termshark.io',
  places: (surroundings) => inPath('termshark', surroundings),
  argv: (file) => ['-r', file],
  live: { shows: 'terminal', argv: () => ['-r', '-'] },
};
