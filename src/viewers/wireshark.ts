/** Wireshark: https://www.wireshark.org/docs/man-pages/wireshark.html */
import { inPath, type Viewer } from './viewer.ts';

const app = 'Applications/Wireshark.app/Contents/MacOS/Wireshark';

/** What it and tshark decrypt with, of which they read as much as there is by then. */
export const keys = (secrets: string | undefined): readonly string[] => (secrets === undefined ? [] : ['-o', `tls.keylog_file:${secrets}`]);

/** Wireshark, wherever it is usually installed. */
export const wireshark: Viewer = {
  name: 'wireshark',
  title: 'Wireshark',
  home: 'https://www.wireshark.org/download.html',
  places(surroundings) {
    const { env, platform } = surroundings;
    if (platform === 'win32')
      return [
        ...inPath('Wireshark', surroundings),
        ...['ProgramFiles', 'ProgramW6432'].flatMap((name) => (env[name] ? [`${env[name]}\\Wireshark\\Wireshark.exe`] : [])),
      ];
    const onMac = platform === 'darwin' ? [`/${app}`, ...(env['HOME'] ? [`${env['HOME']}/${app}`] : [])] : [];
    return [...inPath('wireshark', surroundings), ...onMac];
  },
  argv: (file) => ['-r', file],
  live: { shows: 'window', argv: ({ title, secrets }) => ['-k', '-i', '-', '-o', `gui.window_title:${title}`, ...keys(secrets)] },
};
