/** Images: folders of programs, linked from this machine; and what a node says of an image that it can't run. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { State } from './objects.ts';

/** What a container of an image gets, or how it fails. */
export type Image =
  | {
      /** Names to look for on this machine; those that it lacks are not in the image. `all`: this machine's whole PATH. */
      readonly programs: readonly string[] | 'all';
      /** Folders in which they are looked for first. */
      readonly from?: readonly string[];
      /** Run where the container names no command. */
      readonly command?: readonly string[];
      /** Milliseconds to pull it, during which the container waits. */
      readonly pull?: number;
    }
  | { readonly fails: Failing };

/** The reasons for which a container does not run. */
export type Failing =
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'InvalidImageName'
  | 'ErrImageNeverPull'
  | 'ImageInspectError'
  | 'RegistryUnavailable'
  | 'SignatureValidationFailed'
  | 'CreateContainerConfigError'
  | 'CreateContainerError'
  | 'RunContainerError'
  | 'ContainerCreating'
  | 'ExecFormatError'
  | 'ExitsAtOnce'
  | 'OOMKilled'
  | 'ContainerCannotRun'
  | 'DeadlineExceeded'
  | 'ContainerStatusUnknown';

/** What is in every image that has a shell. */
export const shell =
  'sh bash ash busybox cat ls sed grep tr sort head tail tar mkdir rm rmdir mv cp mkfifo sleep id cut readlink sha256sum base64 nice env true false echo printf ps stat od dd wc touch chmod date uname hostname mktemp tee awk find yes seq'.split(
    ' ',
  );

/** Of kprof's own image: what this machine has of it. */
export const jvmImage: Image = { programs: [...shell, 'setpriv', 'zstd', 'jattach', 'jcmd', 'tini', 'inroot'] };

const runc = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed:';

/** The state of a container that fails so; a second one follows where the kubelet goes on from the first. */
export function failedState(reason: Failing, image: string): readonly State[] {
  const waiting = (why: string, message: string): State => ({ waiting: { reason: why, message } });
  const ended = (exitCode: number, why: string, message?: string): State => ({
    terminated: { exitCode, reason: why, ...(message === undefined ? {} : { message }) },
  });
  const pull = `failed to pull and unpack image "${image}": failed to resolve image: failed to do request: Head "https://${image.split('/')[0]}/v2/": dial tcp: lookup ${image.split('/')[0]}: no such host`;
  switch (reason) {
    case 'ErrImagePull':
      return [waiting(reason, pull), waiting('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${pull}`)];
    case 'ImagePullBackOff':
      return [waiting(reason, `Back-off pulling image "${image}": ErrImagePull: ${pull}`)];
    case 'InvalidImageName':
      return [
        waiting(reason, `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`),
      ];
    case 'ErrImageNeverPull':
      return [waiting(reason, `Container image "${image}" is not present with pull policy of Never`)];
    case 'ImageInspectError':
      return [waiting(reason, `Failed to inspect image "${image}": rpc error: code = Unknown desc = layer not known`)];
    case 'RegistryUnavailable':
      return [waiting(reason, `failed to pull image "${image}": registry is unavailable`)];
    case 'SignatureValidationFailed':
      return [waiting(reason, `Failed to pull image "${image}": signature validation failed`)];
    case 'CreateContainerConfigError':
      return [waiting(reason, `container has runAsNonRoot and image will run as root (pod: "", container: )`)];
    case 'CreateContainerError':
      return [waiting(reason, 'failed to reserve container name: is reserved')];
    case 'RunContainerError':
      return [waiting(reason, `${runc} unable to start container process: error during container init: permission denied`)];
    case 'ContainerCreating':
      return [{ waiting: { reason } }];
    case 'ExecFormatError':
      return [ended(128, 'StartError', `${runc} unable to start container process: exec /bin/sh: exec format error`)];
    case 'ExitsAtOnce':
      return [ended(3, 'Error')];
    case 'OOMKilled':
      return [ended(137, reason)];
    case 'ContainerCannotRun':
      return [ended(127, reason, `${runc} unable to start container process: exec: "sh": executable file not found in $PATH`)];
    case 'DeadlineExceeded':
      return [ended(137, reason)];
    case 'ContainerStatusUnknown':
      return [ended(137, reason, 'The container could not be located when the pod was terminated')];
  }
}

/** A JDK of this machine: the folder of its programs, and its feature version. */
export interface Jdk {
  readonly path: string;
  readonly version: number;
}

/** What is installed, the newest first: in Linux's usual place, where JAVA_HOME says, and what PATH leads to. */
export function jdks({ JAVA_HOME = '', PATH = '' }: NodeJS.ProcessEnv = process.env): readonly Jdk[] {
  const usual = '/usr/lib/jvm';
  const compilers = PATH.split(delimiter).flatMap((folder) => {
    const javac = join(folder, 'javac');
    return existsSync(javac) ? [dirname(dirname(realpathSync(javac)))] : [];
  });
  const homes = [JAVA_HOME, ...compilers, ...(existsSync(usual) ? readdirSync(usual).map((name) => join(usual, name)) : [])];
  const found = homes.flatMap((home) => {
    const [release, path] = [join(home, 'release'), join(home, 'bin')];
    if (home === '' || !existsSync(release) || !existsSync(join(path, 'javac'))) return [];
    const version = /^JAVA_VERSION="(\d+)/m.exec(readFileSync(release, 'utf8'))?.[1];
    return version === undefined ? [] : [{ path, version: Number(version) }];
  });
  return found.sort((a, b) => b.version - a.version);
}

/** The programs of the newest JDK: an older one's jcmd does not attach to other containers. */
export const newestJdk = (): string => jdks()[0]?.path ?? '';

// In kprof's image in any case; this machine may lack it.
const jattach = `#!/bin/sh
exec '${process.execPath}' '${fileURLToPath(new URL('jattach.ts', import.meta.url))}' "$@"
`;

/** Makes the folder of an image, and gives the PATH of its containers. */
export function unpack(folder: string, programs: readonly string[] | 'all', from: readonly string[] = []): string {
  if (programs === 'all') return process.env['PATH'] ?? '/usr/bin:/bin';
  mkdirSync(folder);
  const here = [...from, newestJdk(), ...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin'];
  for (const program of programs) {
    const found = here.map((each) => join(each, program)).find((path) => existsSync(path));
    if (found !== undefined) symlinkSync(found, join(folder, program));
    else if (program === 'jattach') writeFileSync(join(folder, program), jattach, { mode: 0o755 });
  }
  chmodSync(folder, 0o755);
  return folder;
}

/** The name in a reference: `kprof-jvm` of `registry.local/kprof-jvm:0.1.0`. */
export const imageName = (reference: string): string => /([^/:@]+)(?::[^/:@]+)?(?:@[^@]+)?$/.exec(reference)?.[1] ?? reference;
