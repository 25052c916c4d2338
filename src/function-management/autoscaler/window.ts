/**
 * How many calls one version had in the system over the last minute, in buckets of a second. Pure: time comes with every call.
 *
 * Observations come at irregular times, so a bucket holds the time-weighted mean over the part of its second that was observed. The
 * second that is still running counts as the larger of its mean so far and what is in the system right now, so a burst is seen at once.
 * Averages follow Knative Serving (pkg/autoscaler/aggregation/bucketing.go, `WindowAverage`): the sum of the buckets is divided by
 * the seconds since the first observation, at most the length of the window; a second without observation counts as 0; digits
 * after the sixth are cut, lest rounding errors cost an instance.
 */
const BUCKET_MS = 1_000;
/** The longest window that can be averaged over, in buckets. */
const BUCKETS = 60;
const PRECISION = 1e6;

export interface WindowAverage {
  readonly calls: number;
  /** What the sum was divided by: shorter than the window while the version is young. */
  readonly seconds: number;
}

export class ConcurrencyWindow {
  /** Calls times milliseconds, and the milliseconds observed, of bucket `n` at `n % BUCKETS`. */
  readonly #area = new Float64Array(BUCKETS);
  readonly #observedMs = new Float64Array(BUCKETS);
  readonly #first: number;
  #last: number;

  /** What was before `nowMs` is not known, and is not counted. */
  constructor(nowMs: number) {
    this.#first = bucketOf(nowMs);
    this.#last = this.#first;
  }

  /** There were `calls` in the system on average from `fromMs` to `toMs`. */
  record(fromMs: number, toMs: number, calls: number): void {
    this.#advance(bucketOf(toMs));
    let startMs = Math.max(fromMs, (this.#last - BUCKETS + 1) * BUCKET_MS);
    while (startMs < toMs) {
      const bucket = bucketOf(startMs);
      const endMs = Math.min(toMs, (bucket + 1) * BUCKET_MS);
      const index = bucket % BUCKETS;
      this.#area[index] = (this.#area[index] ?? 0) + calls * (endMs - startMs);
      this.#observedMs[index] = (this.#observedMs[index] ?? 0) + (endMs - startMs);
      startMs = endMs;
    }
  }

  /** The mean over the last `seconds` (at most 60) up to the last record, with `callsNow` in the system now. */
  average(seconds: number, callsNow: number): WindowAverage {
    const buckets = Math.min(seconds, this.#last - this.#first + 1);
    let sum = Math.max(this.#mean(this.#last), callsNow);
    for (let bucket = this.#last - buckets + 1; bucket < this.#last; bucket++) sum += this.#mean(bucket);
    return { calls: Math.floor((sum / buckets) * PRECISION) / PRECISION, seconds: buckets };
  }

  /** True when no call was in the system in any second that is remembered. */
  get isEmpty(): boolean {
    return this.#area.every((area) => area === 0);
  }

  #mean(bucket: number): number {
    const index = bucket % BUCKETS;
    const observedMs = this.#observedMs[index] ?? 0;
    return observedMs > 0 ? (this.#area[index] ?? 0) / observedMs : 0;
  }

  #advance(bucket: number): void {
    const steps = Math.min(bucket - this.#last, BUCKETS);
    for (let step = 0; step < steps; step++) {
      this.#area[(bucket - step) % BUCKETS] = 0;
      this.#observedMs[(bucket - step) % BUCKETS] = 0;
    }
    this.#last = Math.max(bucket, this.#last);
  }
}

function bucketOf(timeMs: number): number {
  return Math.floor(timeMs / BUCKET_MS);
}
