/** Whether a step that was sent still gives signs of life. One that comes costs a reading of the clock; one timer is armed, for the next that is due. */
import type { CancelTimer, Clock } from './clock.ts';

export class Heartbeat {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #lost: () => void;
  #lastMs: number;
  #cancel: CancelTimer;

  /** `lost` is called once at most: no sign came for so long. The first is due as if one had come now. */
  constructor(clock: Clock, everyMs: number, lost: () => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#lost = lost;
    this.#lastMs = clock.nowMs();
    this.#cancel = this.#arm(everyMs);
  }

  beat(): void {
    this.#lastMs = this.#clock.nowMs();
  }

  stop(): void {
    this.#cancel();
  }

  #arm(delayMs: number): CancelTimer {
    return this.#clock.after(delayMs, () => {
      const leftMs = this.#lastMs + this.#everyMs - this.#clock.nowMs();
      if (leftMs > 0) this.#cancel = this.#arm(leftMs);
      else this.#lost();
    });
  }
}
