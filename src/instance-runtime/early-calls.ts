/**
 * Calls that come while the instance still loads its function. They are held, with what is said of them, and begin when it has one: as many
 * as the host lets ride along with a start, which is what bounds them. A call that is cancelled meanwhile never begins (invariant 12).
 */
import { performance } from 'node:perf_hooks';
import { FRAME_KINDS, type Frame } from '../transport/protocol.ts';

export class EarlyCalls {
  #frames: Frame[] = [];

  /** An `invoke`, or what is said of one that is held. */
  hold(frame: Frame): void {
    if (frame.kind === FRAME_KINDS.invoke || this.#has(frame.call)) this.#frames.push(frame);
  }

  /** True when the call was held: now it is forgotten. */
  drop(call: number): boolean {
    const before = this.#frames.length;
    this.#frames = this.#frames.filter((frame) => frame.call !== call);
    return this.#frames.length < before;
  }

  /** All that is held, in order. Of its time each call has lost what passed since `sinceMs`: it came when loading began. */
  take(sinceMs: number): readonly Frame[] {
    const frames = this.#frames;
    if (frames.length === 0) return frames;
    this.#frames = [];
    const heldMs = performance.now() - sinceMs;
    return frames.map((frame) =>
      frame.kind === FRAME_KINDS.invoke ? { ...frame, argument: Math.max(0, frame.argument - heldMs) } : frame,
    );
  }

  #has(call: number): boolean {
    return this.#frames.some((frame) => frame.call === call);
  }
}
