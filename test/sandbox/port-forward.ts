/** Port-forward: the plain channels, and what is common to them and kubectl's tunnel. */
import { connect, type Socket } from 'node:net';
import type WebSocket from 'ws';
import type { Pod } from './objects.ts';
import type { Wire } from './wire.ts';

/** Where a port of the pod is on this machine: all pods share its loopback, so an annotation may name another. */
export const localPort = (pod: Pod, port: number): number => Number(pod.metadata.annotations?.[`sandbox/port-${port}`] ?? port);

/** Dials a port of a pod. */
export function dial(pod: Pod, port: number): Socket {
  const socket = connect(localPort(pod, port), '127.0.0.1');
  // Whoever reads it hears of it, if not before.
  return socket.on('error', () => undefined);
}

/** The text on the error channel when nobody listens. */
export const refusedText = (pod: Pod, port: number): string =>
  `error forwarding port ${port} to pod ${pod.metadata.uid}, uid : failed to execute portforward in network namespace "/var/run/netns/sandbox": failed to connect to localhost:${port} inside namespace "${pod.metadata.uid}", IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found `;

/** `v4.channel.k8s.io`: for each `ports=` a data and an error channel; the first frame of each is the port, little-endian. */
export async function forward(socket: WebSocket, wire: Wire, pod: Pod, ports: readonly number[]): Promise<void> {
  const lines = ports.map((port, index) => ({ port, channel: 2 * index, line: dial(pod, port) }));
  socket.on('message', (data) => {
    const frame = data as Buffer;
    const line = lines.find(({ channel }) => channel === frame[0])?.line;
    if (frame.length > 1 && line?.write(frame.subarray(1)) === false) {
      socket.pause();
      line.once('drain', () => socket.resume());
    }
  });
  socket.once('close', () => lines.forEach(({ line }) => void line.destroy()));
  for (const { port, channel } of lines) {
    const number = Buffer.of(port & 255, port >> 8);
    await wire.control(channel, number);
    await wire.control(channel + 1, number);
  }
  await Promise.all(
    lines.map(async ({ port, channel, line }) => {
      try {
        for await (const chunk of line) await wire.data(channel, chunk as Buffer);
      } catch {
        await wire.control(channel + 1, Buffer.from(refusedText(pod, port)));
      }
    }),
  );
  if (!wire.isCut()) socket.close(1000);
}
