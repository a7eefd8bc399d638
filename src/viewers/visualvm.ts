/** VisualVM: https://visualvm.github.io/docs/command-line-options.html */
import { below, type Env, inPath, type Viewer } from './viewer.ts';

const app = 'Applications/VisualVM.app/Contents/MacOS/visualvm';

const onUnix = (env: Env): readonly string[] => [
  ...below('/opt/visualvm*', 'bin/visualvm'),
  ...below(env['SDKMAN_CANDIDATES_DIR'] ?? (env['HOME'] && `${env['HOME']}/.sdkman/candidates`), 'visualvm/current/bin/visualvm'),
];

/** VisualVM, wherever it is usually installed; up to 8 a JDK had it. */
export const visualvm: Viewer = {
  name: 'visualvm',
  title: 'VisualVM',
  home: 'https://visualvm.github.io',
  places(surroundings) {
    const { env, platform } = surroundings;
    const ours = [...inPath('visualvm', surroundings), ...inPath('jvisualvm', surroundings)];
    if (platform === 'win32')
      return [...ours, ...['ProgramFiles', 'LOCALAPPDATA'].flatMap((name) => below(env[name], 'visualvm/bin/visualvm.exe'))];
    return [...ours, ...(platform === 'darwin' ? [`/${app}`, ...below(env['HOME'], app)] : []), ...onUnix(env)];
  },
  argv: (file) => ['--openfile', file],
};
