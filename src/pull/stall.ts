/** Notices when nothing comes any more. */

/** A clock that every sign of life winds up. */
export interface Stall {
  /** So many bytes came; few of them are no sign of life, unless all is here. */
  beat(bytes: number): void;
  /** We hold the sender back: until the promise settles, the silence is our own. */
  hold(busy: Promise<unknown>): void;
  /** The sender has silent work to do: so many milliseconds more. */
  allow(milliseconds: number): void;
  stop(): void;
}

/** Bytes that must come within the time of a silence, or until another line is worth it: who sends a byte a minute would never end. */
export const least = 16 * 1024;

/** Calls `onStall` when next to nothing came for `silence` milliseconds, about a second late at most. */
export function createStall(silence: number, onStall: () => void): Stall {
  let last = performance.now();
  let allowed = 0;
  let held = 0;
  let came = 0;
  const look = (): void => {
    if (held === 0 && performance.now() - last > silence + allowed) onStall();
  };
  const timer = setInterval(look, Math.min(1000, silence / 4));

  return {
    beat(bytes) {
      came += bytes;
      if (came < least) return;
      came = 0;
      last = performance.now();
    },
    hold(busy) {
      held += 1;
      const release = (): void => {
        held -= 1;
        last = performance.now();
      };
      busy.then(release, release);
    },
    allow(milliseconds) {
      allowed = milliseconds;
    },
    stop: () => clearInterval(timer),
  };
}
