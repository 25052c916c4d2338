/** The two ways in which calls are made and timed. Both end at the first error, and soon after the signal. */
import { type CallRecord, type ReasonCounts, type Sample, toSample } from './figures.ts';

/** What is called, and what its host knows about the calls. */
export interface Subject {
  readonly call: () => Promise<unknown>;
  /** The latest calls, oldest first. Fewer than `count` only if the host has forgotten the older ones of `BATCH_CALLS`. */
  readonly records: (count: number) => readonly CallRecord[];
  /** All so far. */
  readonly coldStarts: () => Promise<ReasonCounts>;
  readonly instances: () => Promise<number>;
}

export interface Limits {
  readonly calls: number;
  /** Infinity: none. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

/** A ledger keeps at least as many records; they are read between batches, so that reading them costs no call anything. */
export const BATCH_CALLS = 10_000;
/** Until V8 has compiled what is called often, on both sides, and has done so with optimisation: some 20,000 calls of the shortest. */
const WARM_UP_MS = 1_000;
const WARM_UP_PART = 0.2;

/** What is spent before anything counts. */
export function warmUpOf({ calls, durationMs, signal }: Limits): Limits {
  return { calls, durationMs: Math.min(WARM_UP_MS, durationMs * WARM_UP_PART), signal };
}

/** The next call is made when the one before has returned: the latency of a caller that has the host for itself. At least one. */
export async function callOneByOne(subject: Subject, { calls, durationMs, signal }: Limits): Promise<Sample[]> {
  const samples: Sample[] = [];
  let leftMs = durationMs;
  while (samples.length < calls && (leftMs > 0 || samples.length === 0) && !signal.aborted) {
    const startedMs = performance.now();
    const limits = { calls: Math.min(BATCH_CALLS, calls - samples.length), durationMs: leftMs, signal };
    const tookUs = await batch(subject.call, limits);
    leftMs -= performance.now() - startedMs;
    const records = subject.records(tookUs.length);
    const forgotten = tookUs.length - records.length;
    for (const [index, record] of records.entries()) samples.push(toSample(tookUs[forgotten + index] ?? 0, record));
  }
  return samples;
}

async function batch(call: () => Promise<unknown>, { calls, durationMs, signal }: Limits): Promise<Float64Array> {
  // Made beforehand: a growing array would be copied between calls.
  const tookUs = new Float64Array(calls);
  const endMs = performance.now() + durationMs;
  let done = 0;
  while (done < calls) {
    const startedMs = performance.now();
    await call();
    const endedMs = performance.now();
    tookUs[done++] = (endedMs - startedMs) * 1_000;
    if (endedMs >= endMs || signal.aborted) break;
  }
  return tookUs.subarray(0, done);
}

export interface ClosedLoop {
  readonly tookUs: Float64Array;
  readonly seconds: number;
}

/** A closed loop: so many callers, each of which makes its next call when its last has returned. */
export async function callInFlight(subject: Subject, inFlight: number, limits: Limits): Promise<ClosedLoop> {
  const { calls, durationMs, signal } = limits;
  const tookUs = new Float64Array(calls);
  const startedMs = performance.now();
  const endMs = startedMs + durationMs;
  let left = calls;
  let done = 0;
  let hasFailed = false;
  const caller = async () => {
    while (left > 0 && !hasFailed && !signal.aborted) {
      left--;
      const calledMs = performance.now();
      await subject.call();
      const returnedMs = performance.now();
      tookUs[done++] = (returnedMs - calledMs) * 1_000;
      if (returnedMs >= endMs) break;
    }
  };
  const failed = (thrown: unknown): never => {
    hasFailed = true;
    throw thrown;
  };
  await Promise.all(Array.from({ length: inFlight }, () => caller().catch(failed)));
  const seconds = (performance.now() - startedMs) / 1_000;
  return { tookUs: tookUs.subarray(0, done), seconds };
}
