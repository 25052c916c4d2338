/**
 * Joins two channels: what one delivers is sent on the other, unread. The channel sent on writes its own port number, so joining a
 * port of one multiplexer to a port of another rewrites it.
 *
 * While one side is full, the frames for it are held here, in order. A channel cannot be told to stop, so the hold is bounded, and over
 * the bound the relay breaks: both sides close as `OVERLOADED`. A frame that one side cannot take at all breaks it as well, unless
 * `onTooLarge` answers for it.
 */
import { TroupeError } from '../errors.ts';
import { FifoQueue } from '../kernel/mailbox.ts';
import { frameCost } from './channel-core.ts';
import { HIGH_WATER_BYTES } from './limits.ts';
import type { Channel, Frame } from './protocol.ts';

export interface RelayOptions {
  /** What may be held for either side; the default is twice `HIGH_WATER_BYTES`: what the sender may have had on its way. */
  readonly maxHeldBytes?: number;
  /** A frame is larger than the next channel takes. `from` is the channel on which it came. */
  readonly onTooLarge?: (frame: Frame, from: Channel) => void;
}

/** Ends when one side does: the other is then closed with the same reason, after what was held for it. */
export function relay(a: Channel, b: Channel, options: RelayOptions = {}): void {
  const breakBoth = (error: TroupeError): void => {
    a.close(error);
    b.close(error);
  };
  forward(a, b, { options, breakBoth });
  forward(b, a, { options, breakBoth });
}

interface Direction {
  readonly options: RelayOptions;
  readonly breakBoth: (error: TroupeError) => void;
}

function forward(from: Channel, to: Channel, { options, breakBoth }: Direction): void {
  const maxHeldBytes = options.maxHeldBytes ?? 2 * HIGH_WATER_BYTES;
  const held = new FifoQueue<Frame>();
  let heldBytes = 0;
  let next: Frame | undefined;
  let ending: { readonly error: TroupeError | undefined } | undefined;

  /** False when the frame must wait. */
  const pass = (frame: Frame): boolean => {
    const outcome = to.send(frame);
    if (outcome === 'too-large') {
      if (options.onTooLarge) options.onTooLarge(frame, from);
      else
        breakBoth(new TroupeError('FRAME_INVALID', 'A frame is larger than the next channel takes. Both are closed.'));
    }
    return outcome !== 'full';
  };
  const drain = (): void => {
    for (next ??= held.shift(); next; next = held.shift()) {
      if (!pass(next)) return;
      heldBytes -= frameCost(next);
    }
    if (ending) to.close(ending.error);
  };

  from.onFrame((frame) => {
    if (!next && pass(frame)) return;
    if (next) held.push(frame);
    else next = frame;
    heldBytes += frameCost(frame);
    if (heldBytes > maxHeldBytes) {
      breakBoth(new TroupeError('OVERLOADED', 'A relay holds more than it may: the receiving side is too slow.'));
    }
  });
  to.onWritable(drain);
  from.onClose((error) => {
    ending = { error };
    if (!next) to.close(error);
  });
}
