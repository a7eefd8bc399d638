/** The stream as a pod without zstd, or without a core to spare, sends it. */
import type { Content, Stage } from './content.ts';
import { Fault } from './fault.ts';

/** An uncompressed stream: whole when it ended and the sum of its file came on stderr, in whichever order. `agrees`: undefined until the sum is there. */
export function createPlainStage(content: Content, agrees: () => boolean | undefined): Stage {
  const whole = (): boolean => content.ended() && agrees() === true;

  return {
    take: content.take,
    whole,
    async end() {
      content.finish();
      if (!whole()) throw new Fault('rest', 'no checksum came');
    },
    stop: async () => {},
  };
}
