/** Pods whose heap has a known size, and what their apps measured. */
import { type Ended, kubectl, type Manifest } from './support.ts';

/** A change of the workload jdk17-root: its JVM holds so much. */
export const heapOf =
  (mebibytes: number, more: (container: Record<string, unknown>) => void = () => {}, options: readonly string[] = ['-XX:+UseSerialGC']) =>
  ({ spec }: Manifest): void => {
    const [container] = spec.containers as Record<string, unknown>[];
    const size = `${Math.ceil(mebibytes * 1.6) + 32}m`;
    Object.assign(container ?? {}, { command: ['java', `-Xmx${size}`, ...options, '-cp', '/app', 'Heap', String(mebibytes)] });
    more(container as Record<string, unknown>);
  };

/** Milliseconds that kprof said the app would stand still at most. */
export const announced = ({ stderr }: Ended): number => Number(/stands still for (\d+)s at most/.exec(stderr)?.[1]) * 1000;

/** The longest time, in milliseconds, that the app was held up since it began to count. */
export const pauseOf = (namespace: string, pod: string): number =>
  Math.max(
    ...[...kubectl('logs', '-n', namespace, pod, '-c', 'app', '--tail=100000').matchAll(/stall=(\d+)/g)].map(([, stall]) => Number(stall)),
  );
