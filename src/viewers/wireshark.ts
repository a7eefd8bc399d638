/** Wireshark: https://www.wireshark.org/docs/man-pages/wireshark.html */
import { inPath, type Viewer } from './viewer.ts';

const app = 'Applications/Wireshark.app/Contents/MacOS/Wireshark';

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
  live: { shows: 'window', argv: (title) => ['-k', '-i', '-', '-o', `gui.window_title:${title}`] },
};
