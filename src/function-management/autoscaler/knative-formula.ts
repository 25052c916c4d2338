/**
 * The numbers of Knative Serving's pod autoscaler (KPA), as pure functions.
 *
 * Source: knative/serving `pkg/autoscaler/scaling/autoscaler.go` (`Scale`), `pkg/reconciler/autoscaling/resources/target.go`
 * (`ResolveMetricTarget`) and the defaults of its `config-autoscaler`. Names follow that source where it has them.
 */

/** Instances are added before the present ones are full: at this share of their concurrency, in percent. */
const TARGET_UTILISATION_PERCENT = 70;
export const STABLE_WINDOW_SECONDS = 60;
/** 10 % of the stable window. */
export const PANIC_WINDOW_SECONDS = 6;
export const STABLE_WINDOW_MS = STABLE_WINDOW_SECONDS * 1_000;
/** Panic begins when the panic window asks for this many times the instances that are ready. */
const PANIC_THRESHOLD = 2;
const MAX_SCALE_UP_RATE = 1_000;
const MAX_SCALE_DOWN_RATE = 2;

/** Calls that one instance should have inside. In percent, because 3 * 0.7 is less than 2.1 in binary and would cost an instance. */
export function targetConcurrency(concurrency: number): number {
  return (concurrency * TARGET_UTILISATION_PERCENT) / 100;
}

/** Instances that bring an average number of calls down to the target. */
export function wantedInstances(averageCalls: number, concurrency: number): number {
  return Math.ceil(averageCalls / targetConcurrency(concurrency));
}

/** One decision leads at most to a thousand times the ready instances, and at least to half of them. No ready instance counts as one. */
export function limitRate(wanted: number, ready: number): number {
  const counted = Math.max(1, ready);
  const most = Math.ceil(MAX_SCALE_UP_RATE * counted);
  const least = Math.floor(counted / MAX_SCALE_DOWN_RATE);
  return Math.min(Math.max(wanted, least), most);
}

export function isOverPanicThreshold(wantedInPanic: number, ready: number): boolean {
  return wantedInPanic / Math.max(1, ready) >= PANIC_THRESHOLD;
}

/** Panic is over once a whole stable window has passed since the threshold was last exceeded. */
export function isPanicOver(lastExceededMs: number, nowMs: number): boolean {
  return lastExceededMs + STABLE_WINDOW_MS < nowMs;
}
