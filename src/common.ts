/** The flags that every capture has: kubectl's own mean what they mean in kubectl. */

import { KprofError } from './errors.ts';
import { choice, count, duration, type Flag, type Flags, type Options, text, texts, toggle } from './flags.ts';
import type { Toolkit } from './toolkit.ts';
import { viewerFlag } from './viewers/words.ts';

/** How to reach the cluster, as kubectl. */
export const connectionFlags = {
  namespace: text('NAMESPACE', 'Namespace of the pod', { short: 'n' }),
  context: text('NAME', 'Context of the kubeconfig'),
  kubeconfig: text('FILE', 'The kubeconfig; else $KUBECONFIG, ~/.kube/config, or the service account of this pod'),
  cluster: text('NAME', 'Cluster of the kubeconfig'),
  user: text('NAME', 'User of the kubeconfig'),
  server: text('URL', 'Address of the API server', { short: 's' }),
  token: text('TOKEN', 'Bearer token for the API server'),
  as: text('USER', 'Impersonate a user'),
  'as-group': texts('GROUP', 'Impersonate a group; may be repeated'),
  'as-uid': text('UID', 'Impersonate a UID'),
  'certificate-authority': text('FILE', "Certificate file for the API server's authority"),
  'insecure-skip-tls-verify': toggle("Don't check the API server's certificate"),
  'tls-server-name': text('NAME', "Name to check the API server's certificate against"),
  'request-timeout': text('DURATION', 'Limit for a single request; 0 is none'),
} satisfies Flags;

const pullPolicies = ['IfNotPresent', 'Always', 'Never'] as const;

/** Bare, or with the values kubectl gives it; `server` would need the right to change the pod. */
const dryRun: Flag<boolean> = {
  description: 'Print the debug container and the plan, and change nothing',
  parse(typed) {
    if (typed === 'true' || typed === 'client') return true;
    if (typed === 'false' || typed === 'none') return false;
    if (typed === 'server')
      throw new KprofError('usage', '--dry-run=server is not supported: kprof does not ask the API server to try it', {
        hint: 'see the patch with --dry-run=client -o json; kubectl patch --subresource=ephemeralcontainers --dry-run=server tries it',
      });
    throw new KprofError('usage', `--dry-run=${typed} is none of client, none`, { hint: '--dry-run alone is --dry-run=client' });
  },
};

/** An entry that can't be pulled would stay in the pod for ever: what is no reference at all is refused here. */
const image = (description: string): Flag<string | undefined> => ({
  value: 'IMAGE',
  description,
  parse(typed, { flag }) {
    if (!isReference(typed))
      throw new KprofError('usage', `${flag} "${typed}" is no image reference`, { hint: '--image REGISTRY/NAME:TAG' });
    return typed;
  },
});

const isReference = (typed: string): boolean => /^\w[\w./:@-]*$/.test(typed);

/** Where images are, checked for the same reason; `from` is where it was typed. */
export function checkRegistry(typed: string, from: string): string {
  if (isReference(typed)) return typed.replace(/\/+$/, '');
  throw new KprofError('usage', `${from} "${typed}" is no address of a registry`, { hint: `${from}=registry.example.com/kprof` });
}

const outputs = ['json', 'yaml', 'name'] as const;
type Output = (typeof outputs)[number];

/** What to capture, with what, and what becomes of it. */
export const captureFlags = {
  container: text('NAME', 'Container of the pod; else the annotated default, the first that looks likely, or the first', { short: 'c' }),
  pid: count(undefined, 'Process in the container, where several fit', 1, 'PID'),
  file: text('FILE', 'Where the artifact goes; a folder keeps the default name', { short: 'f' }),
  force: toggle('Overwrite FILE'),
  output: {
    ...text(outputs.join('|'), 'What stdout gets: the path (name), or the record of the capture', { short: 'o' }),
    parse: choice(outputs, 'name', '').parse,
  } as Flag<Output | undefined>,
  'no-open': toggle("Don't open the artifact"),
  viewer: viewerFlag,
  image: image('Another debug image, such as eclipse-temurin:25-jdk'),
  'image-pull-policy': choice(pullPolicies, 'IfNotPresent', 'When the node pulls the image'),
  registry: {
    ...text('REGISTRY', "Where kprof's images are; else $KPROF_REGISTRY"),
    parse: (typed: string, { flag }) => checkRegistry(typed, flag),
  } as Flag<string | undefined>,
  timeout: duration('1m', 'How long to wait for the debug container to run'),
  ttl: duration('10m', 'How long the idle debug container stays for the next capture'),
  'allow-ptrace': toggle('Agree to a debug container as root with SYS_PTRACE, where the process can not be reached otherwise'),
  'dry-run': dryRun,
  yes: toggle('Answer every question with yes', 'y'),
  quiet: toggle('Only warnings and errors', 'q'),
  v: {
    ...count('0', 'Verbosity, as kubectl: 1 steps, 6 requests, 7 their headers, 8 and 9 their bodies; nothing secret', 0, 'LEVEL'),
    short: 'v',
  },
} satisfies Flags;

type Common = typeof connectionFlags & typeof captureFlags;

type CaptureFlag = keyof typeof captureFlags;

/** What has no meaning for a tool, by how it captures, and why. */
const unfit: Readonly<Record<string, { readonly flags: readonly CaptureFlag[]; readonly why: string }>> = {
  pod: { flags: ['pid', 'allow-ptrace'], why: 'looks at the pod as a whole, and at no process' },
  session: { flags: ['file', 'force', 'no-open', 'viewer'], why: 'writes no artifact' },
};

type Fitting = Pick<Toolkit, 'name' | 'ways'>;

const unfitFor = (toolkit: Fitting) => unfit[toolkit.ways({})[0]?.via ?? ''];

/** The flags of every capture that a tool has, as they are there. */
export function captureFlagsOf(toolkit: Fitting & Pick<Toolkit, 'flags' | 'outputs'>): Flags {
  const isSession = toolkit.ways({})[0]?.via === 'session';
  const here: Flags = {
    ...captureFlags,
    ...(isSession
      ? {
          ttl: {
            ...captureFlags.ttl,
            description: 'How long to wait for a first client, and how long the idle debug container stays for the next session',
          },
        }
      : {}),
    output: flagsOf(toolkit).output,
  };
  return Object.fromEntries(Object.entries(here).filter(([name]) => !unfitFor(toolkit)?.flags.includes(name as CaptureFlag)));
}

/** Throws where a flag was given that has no meaning for the tool. */
export function checkFit(toolkit: Fitting, typed: readonly string[]): void {
  const { flags, why } = unfitFor(toolkit) ?? { flags: [], why: '' };
  const name = flags.find((each) => typed.includes(each));
  if (name !== undefined)
    throw new KprofError('usage', `--${name} has no meaning here: kprof ${toolkit.name} ${why}`, { hint: `leave out --${name}` });
}

/** All flags of a tool; `-o` also takes the words of another one, where the tool says so. */
export function flagsOf({ flags, outputs: other }: Pick<Toolkit, 'flags' | 'outputs'>): Common & Flags {
  const words = flags[other ?? '']?.value?.split('|');
  const both = words === undefined ? {} : { output: { ...captureFlags.output, ...choiceOf([...words, ...outputs]) } };
  return { ...connectionFlags, ...captureFlags, ...flags, ...both } as Common & Flags;
}

const choiceOf = (words: readonly string[]) => ({ value: words.join('|'), parse: choice(words, 'name', '').parse });

/** The options with such a word of `-o`, or of the file's ending, at the flag that it belongs to. Throws where both were typed, and differ. */
export function withOutput<O extends Options<Common>>(
  { outputs: other, endings }: Pick<Toolkit, 'outputs' | 'endings'>,
  { options, typed }: { readonly options: O; readonly typed: readonly string[] },
): O {
  const { output, file } = options;
  if (other === undefined) return options;
  if (output === undefined || outputs.includes(output)) {
    // A folder has no ending.
    const word = endings?.[/\.\w+$/.exec(file ?? '')?.[0].toLowerCase() ?? ''];
    return word === undefined || typed.includes(other) ? options : { ...options, [other]: word };
  }
  const named: unknown = options[other as keyof O];
  if (typed.includes(other) && named !== output)
    throw new KprofError('usage', `--${other} ${named} and -o ${output} both say what is to be written`, { hint: 'leave out one of them' });
  return { ...options, output: undefined, [other]: output };
}
