/** Eclipse Memory Analyzer: https://eclipse.dev/mat/ */
import { below, type Env, inPath, type Viewer } from './viewer.ts';

const app = 'Applications/MemoryAnalyzer.app/Contents/MacOS/MemoryAnalyzer';

// Its archive unpacks into the folder `mat`; no installer puts it anywhere.
const onUnix = (env: Env): readonly string[] => [
  ...below('/opt/mat*', 'MemoryAnalyzer'),
  ...below('/usr/local/mat*', 'MemoryAnalyzer'),
  ...below(env['HOME'], 'mat/MemoryAnalyzer', 'Downloads/mat/MemoryAnalyzer'),
];

/** Eclipse Memory Analyzer, wherever it is usually unpacked. */
export const mat: Viewer = {
  name: 'mat',
  title: 'Eclipse Memory Analyzer',
  home: 'https://eclipse.dev/mat/',
  places(surroundings) {
    const { env, platform } = surroundings;
    const ours = [...inPath('MemoryAnalyzer', surroundings), ...inPath('mat', surroundings)];
    if (platform === 'win32')
      return [...ours, ...['ProgramFiles', 'LOCALAPPDATA', 'USERPROFILE'].flatMap((name) => below(env[name], 'mat/MemoryAnalyzer.exe'))];
    return [...ours, ...(platform === 'darwin' ? [`/${app}`, ...below(env['HOME'], app)] : []), ...onUnix(env)];
  },
  // The launcher's own option: a running one opens the file, too.
  argv: (file) => ['--launcher.openFile', file],
};
