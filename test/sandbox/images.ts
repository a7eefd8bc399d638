/** Images: folders of programs, linked from this machine; and what a node says of an image that it can't run. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { State } from './objects.ts';
import { marks } from './processes.ts';

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

/** The programs of the newest JDK: an older one's jcmd does not attach to other containers. */
export function newestJdk(): string {
  const jdks = '/usr/lib/jvm';
  const found = (existsSync(jdks) ? readdirSync(jdks) : []).flatMap((name) => {
    const release = join(jdks, name, 'release');
    const version = existsSync(release) ? /^JAVA_VERSION="(\d+)/m.exec(readFileSync(release, 'utf8'))?.[1] : undefined;
    return version === undefined ? [] : [{ path: join(jdks, name, 'bin'), version: Number(version) }];
  });
  return found.sort((a, b) => b.version - a.version)[0]?.path ?? '';
}

/** Makes the folder of an image, and gives the PATH of its containers. */
export function unpack(folder: string, programs: readonly string[] | 'all', from: readonly string[] = []): string {
  if (programs === 'all') return process.env['PATH'] ?? '/usr/bin:/bin';
  mkdirSync(folder);
  const here = [...from, newestJdk(), ...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin'];
  for (const program of programs) {
    const found = here.map((each) => join(each, program)).find((path) => existsSync(path));
    if (found !== undefined) symlinkSync(found, join(folder, program));
  }
  chmodSync(folder, 0o755);
  return folder;
}

/** The name in a reference: `kprof-jvm` of `registry.local/kprof-jvm:0.1.0`. */
export const imageName = (reference: string): string => /([^/:@]+)(?::[^/:@]+)?(?:@[^@]+)?$/.exec(reference)?.[1] ?? reference;
