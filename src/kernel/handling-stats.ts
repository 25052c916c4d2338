/** Counts what one actor has done, over all its incarnations (invariant 15). Mutable fields: every message touches them. */
export class HandlingStats {
  handled = 0;
  handlingMs = 0;
  longestHandlingMs = 0;
  restarts = 0;
  failures = 0;
  #sinceMs = 0;

  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  end(nowMs: number): void {
    const tookMs = nowMs - this.#sinceMs;
    this.handled++;
    this.handlingMs += tookMs;
    if (tookMs > this.longestHandlingMs) this.longestHandlingMs = tookMs;
  }
}
