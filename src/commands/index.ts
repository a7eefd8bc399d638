/** The commands that are no captures, in the order of `kprof --help`: descriptions only, so that help loads nothing. */
import { type Flags, toggle } from '../flags.ts';
import { portFlag, viewerFlag } from '../viewers/words.ts';

/** What help and parsing need to know of a command; its work is in the file of its name. */
export interface Command {
  readonly name: 'open';
  readonly summary: string;
  readonly usage: string;
  readonly examples: readonly string[];
  readonly flags: Flags;
}

export const commands: readonly Command[] = [
  {
    name: 'open',
    summary: 'Check an artifact and open it in its viewer',
    usage: 'kprof open FILE [flags]',
    examples: [
      'kprof open jfr-shop-api-app-1-20261121T071502Z.jfr',
      'kprof open cpu.pb.gz --viewer pprof',
      'kprof open app.cpuprofile --no-browser --port 8321    # and from your laptop: ssh -L 8321:127.0.0.1:8321 HOST',
    ],
    flags: {
      viewer: viewerFlag,
      'no-browser': toggle('Serve the page and print its address, which lets in the first who opens it'),
      port: portFlag,
      'no-open': toggle('Only check and summarise it'),
      quiet: toggle('Only warnings and errors', 'q'),
    },
  },
];
