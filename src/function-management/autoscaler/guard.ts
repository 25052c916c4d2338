/**
 * Holds what a forecast was worth against what a fixed keep-alive would have been worth on the same calls, and withdraws trust from the forecast
 * while it does worse. Both are charged for calls that found nothing and for memory that nobody used, in milliseconds at the exchange rate.
 */

/** Of the past, per interval: half of it is forgotten in half a day of minutes. */
const FORGETTING = 0.999;
/** Worse by so much before trust goes, and by less before it comes back. */
const LOSES_TRUST = 1.1;
const REGAINS_TRUST = 1;
/** As many cold starts' worth before anything is judged: a few unlucky calls say nothing. */
const LEAST_EVIDENCE = 20;

export interface IntervalOutcome {
  readonly called: boolean;
  readonly coldStartMs: number;
  /** What it costs to have kept one instance through the interval for nothing, in ms. */
  readonly idleMs: number;
  readonly keptByForecast: boolean;
  readonly keptByFixed: boolean;
}

export class Guard {
  #forecastMs = 0;
  #fixedMs = 0;
  #coldStartMs = 0;
  #judged = 0;
  #isTrusted = true;

  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** What each has cost lately, in ms. */
  get costs(): { readonly forecastMs: number; readonly fixedMs: number } {
    return { forecastMs: this.#forecastMs, fixedMs: this.#fixedMs };
  }

  observe({ called, coldStartMs, idleMs, keptByForecast, keptByFixed }: IntervalOutcome): void {
    this.#forecastMs += costOf(called, keptByForecast, coldStartMs, idleMs);
    this.#fixedMs += costOf(called, keptByFixed, coldStartMs, idleMs);
    this.#coldStartMs += coldStartMs;
    this.#judged++;
  }

  intervalEnded(): void {
    this.#forecastMs *= FORGETTING;
    this.#fixedMs *= FORGETTING;
    const typicalMs = this.#judged > 0 ? this.#coldStartMs / this.#judged : 0;
    if (Math.max(this.#forecastMs, this.#fixedMs) < LEAST_EVIDENCE * typicalMs) return;
    if (this.#isTrusted) this.#isTrusted = this.#forecastMs <= LOSES_TRUST * this.#fixedMs;
    else this.#isTrusted = this.#forecastMs <= REGAINS_TRUST * this.#fixedMs;
  }
}

function costOf(called: boolean, kept: boolean, coldStartMs: number, idleMs: number): number {
  if (called) return kept ? 0 : coldStartMs;
  return kept ? idleMs : 0;
}
