/** Where a container lives: its user, its folder, its environment. */
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Image, unpack } from './images.ts';
import type { Container, Pod } from './objects.ts';
import { marks, type Room } from './processes.ts';

const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** Gives each container its room; images are unpacked once. */
export function openRooms(node: {
  readonly folder: string;
  readonly sandbox: string;
  readonly images: Readonly<Record<string, Image>>;
  /** Of all containers. */
  readonly env: Readonly<Record<string, string>>;
}) {
  const paths = new Map<string, string>();
  const pathOf = (name: string): string => {
    const image = node.images[name];
    if (image === undefined || 'fails' in image) return '';
    const path = paths.get(name) ?? unpack(join(node.folder, `image-${name}`), image.programs, image.from);
    paths.set(name, path);
    return path;
  };
  return (pod: Pod, container: Container, id: string, image: string): Room => {
    const user = userOf(pod, container);
    const folder = join(node.folder, id.slice(0, 12));
    mkdirSync(folder, { mode: 0o700 });
    if (self.uid === 0) chownSync(folder, user.uid, user.gid);
    const own = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value ?? '']));
    const usual = { PATH: pathOf(image), HOME: folder, HOSTNAME: pod.metadata.name };
    // An empty KPROF_PATH: only what the image has is to be found.
    const ours = {
      KPROF_DIR: join(folder, 'kprof'),
      KPROF_PATH: '',
      KPROF_WITHIN: 'environ',
      [marks.sandbox]: node.sandbox,
      [marks.container]: id,
    };
    return { folder, user, env: { ...usual, ...node.env, ...own, ...ours } };
  };
}

function userOf({ spec }: Pod, { securityContext: own = {} }: Container): Room['user'] {
  const { securityContext: shared = {} } = spec;
  return { uid: own.runAsUser ?? shared.runAsUser ?? self.uid, gid: own.runAsGroup ?? shared.runAsGroup ?? self.gid };
}

/** What the kubelet says against a container that must not be root and would be; undefined when all is well. */
export function nonRoot(pod: Pod, { name, securityContext: own = {} }: Container): string | undefined {
  const uid = own.runAsUser ?? pod.spec.securityContext?.runAsUser;
  if ((own.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot) !== true) return undefined;
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${name})`;
  if (uid === 0) return `container's runAsUser breaks non-root policy ${where}`;
  return uid === undefined && self.uid === 0 ? `container has runAsNonRoot and image will run as root ${where}` : undefined;
}
