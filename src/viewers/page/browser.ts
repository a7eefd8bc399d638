/** The person's browser. */
import { findViewer } from '../find.ts';
import { launch } from '../launch.ts';
import { inPath, type Surroundings } from '../viewer.ts';

/** What opens a local file in the browser, best first. */
export function openers(surroundings: Surroundings): readonly string[] {
  const { env, platform } = surroundings;
  if (platform === 'darwin') return ['/usr/bin/open'];
  if (platform === 'win32') return [`${env['SystemRoot'] ?? 'C:\\Windows'}\\System32\\rundll32.exe`];
  const names = [...(env['WSL_DISTRO_NAME'] ? ['wslview'] : []), 'xdg-open', 'sensible-browser', 'x-www-browser'];
  return names.flatMap((name) => inPath(name, surroundings));
}

/** Opens a local HTML file of ours; gives whether a program for that is here and has started. `file` is an absolute path. */
export async function openInBrowser(file: string, surroundings: Surroundings): Promise<boolean> {
  const argv = surroundings.platform === 'win32' ? ['url.dll,FileProtocolHandler', file] : [file];
  for (const place of openers(surroundings)) {
    const program = await findViewer({ places: () => [place] }, surroundings);
    if (program !== undefined && (await launch(program, argv, surroundings.env))) return true;
  }
  return false;
}
