/** Rings once at a time of the wall clock, which may step: it looks again every minute at the latest. */
import type { CancelTimer } from '../../../kernel/clock.ts';

const LOOK_AGAIN_MS = 60_000;

export interface AlarmParts {
  readonly wallMs: () => number;
  readonly after: (delayMs: number, callback: () => void) => CancelTimer;
  readonly ring: () => void;
}

export class Alarm {
  readonly #parts: AlarmParts;
  #atMs = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer | undefined;

  constructor(parts: AlarmParts) {
    this.#parts = parts;
  }

  /** In ms since the Unix epoch, in place of the time before; `Infinity`: not at all. */
  set(atMs: number): void {
    if (atMs === this.#atMs && this.#cancel) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#atMs = atMs;
    if (atMs !== Number.POSITIVE_INFINITY) this.#arm();
  }

  #arm(): void {
    const { wallMs, after, ring } = this.#parts;
    const leftMs = Math.max(0, this.#atMs - wallMs());
    this.#cancel = after(Math.min(leftMs, LOOK_AGAIN_MS), () => {
      this.#cancel = undefined;
      if (wallMs() < this.#atMs) return this.#arm();
      this.#atMs = Number.POSITIVE_INFINITY;
      ring();
    });
  }
}
