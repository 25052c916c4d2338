/** The bounds that all drivers share. */

const MIB = 1_048_576;

/** Largest meta and payload of one frame together: the highest payload limit that can be configured, and 64 KiB for facts about it. */
export const MAX_FRAME_BYTES = 256 * MIB + 65_536;

/** A channel answers 'full' while more than this waits. Holds two payloads of the default limit, so that one does not block the next. */
export const HIGH_WATER_BYTES = 16 * MIB;

/** What an empty frame counts against the high-water mark: it costs memory too. */
export const FRAME_OVERHEAD_BYTES = 64;

export interface ChannelOptions {
  /** Waiting bytes above which `send` answers 'full'; the default is `HIGH_WATER_BYTES`. */
  readonly highWaterBytes?: number;
  /** Meta and payload above which `send` answers 'too-large', and a received frame is invalid; the default is `MAX_FRAME_BYTES`. */
  readonly maxFrameBytes?: number;
}
