/** Whether anybody looks at the page. */

/** Milliseconds. */
export interface Patience {
  /** From the last request of a tab that is closed to the end: a tab that is loaded again comes back within it. */
  readonly grace: number;
  /** From the last request to the end, where no tab stays open. */
  readonly idle: number;
}

/** Counts open requests. */
export interface Presence {
  /** A request came; `stays` tells that it stays open as long as the tab. */
  enter(stays: boolean): void;
  leave(): void;
  close(): void;
}

/** Calls `end` once, when the last tab is closed or when none came for a while. */
export function watchPresence({ grace, idle }: Patience, end: (why: 'closed' | 'idle') => void): Presence {
  let open = 0;
  let tab = false;
  let timer = setTimeout(() => end('idle'), idle);
  return {
    enter(stays) {
      open += 1;
      tab ||= stays;
      clearTimeout(timer);
    },
    leave() {
      open -= 1;
      if (open > 0) return;
      clearTimeout(timer);
      timer = tab ? setTimeout(() => end('closed'), grace) : setTimeout(() => end('idle'), idle);
    },
    close: () => clearTimeout(timer),
  };
}
