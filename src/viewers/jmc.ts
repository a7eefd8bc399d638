/** JDK Mission Control: https://docs.oracle.com/en/java/java-components/jdk-mission-control/ */
import { below, type Env, inPath, type Viewer } from './viewer.ts';

// The archive of https://adoptium.net/jmc unpacks into a folder of this name.
const inFolder = ['jmc', 'bin/jmc', 'JDK Mission Control/jmc'];
const app = 'Applications/JDK Mission Control.app/Contents/MacOS/jmc';

const onLinux = (env: Env): readonly string[] => [
  ...below('/opt/jmc*', ...inFolder),
  ...below(
    env['SDKMAN_CANDIDATES_DIR'] ?? (env['HOME'] && `${env['HOME']}/.sdkman/candidates`),
    ...inFolder.map((path) => `jmc/current/${path}`),
  ),
];
const onMac = (env: Env): readonly string[] => [`/${app}`, ...below(env['HOME'], app), ...onLinux(env)];
const onWindows = (env: Env): readonly string[] =>
  ['ProgramFiles', 'ProgramW6432', 'LOCALAPPDATA'].flatMap((name) =>
    below(env[name], 'JDK Mission Control/jmc.exe', 'Programs/JDK Mission Control/jmc.exe'),
  );

/** JDK Mission Control, wherever it is usually installed. */
export const jmc: Viewer = {
  name: 'jmc',
  title: 'JDK Mission Control',
  home: 'https://adoptium.net/jmc',
  places(surroundings) {
    const { env, platform } = surroundings;
    const known = platform === 'win32' ? onWindows(env) : platform === 'darwin' ? onMac(env) : onLinux(env);
    return [...inPath('jmc', surroundings), ...below(env['JAVA_HOME'], platform === 'win32' ? 'bin/jmc.exe' : 'bin/jmc'), ...known];
  },
  argv: (file) => ['-open', file],
};
