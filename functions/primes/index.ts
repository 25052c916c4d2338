/**
 * Prime numbers, as many as the reader wants, in chunks: the segmented sieve of Eratosthenes (Bays and Hudson, "The segmented sieve of
 * Eratosthenes and primes in arithmetic progressions to 10^12", 1977).
 *
 * The reader sets the pace. A segment is sieved when its chunk is asked for, so a reader that stops asking stops the work, and memory does
 * not grow with what was found. Each chunk says how many segments this instance has sieved so far: a later call shows how far an earlier
 * one really went.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Context, FunctionConfig } from 'troupe';

export const config = {
  timeoutMs: 60_000,
  description: 'A stream of prime numbers',
} satisfies FunctionConfig;

/** Its square root is how far the small primes must reach: 10^6. */
const MAX_TO = 1e12;
const MAX_SEGMENT = 4_194_304;

export interface PrimesEvent {
  /** The first number looked at. Default: 2. */
  readonly from?: number;
  /** The last number looked at, at most 10^12, which is the default: far more than anybody reads. */
  readonly to?: number;
  /** Numbers per chunk, 16 to 4,194,304. Default: 65,536. */
  readonly segment?: number;
}

export interface PrimesChunk {
  readonly from: number;
  readonly to: number;
  /** All primes from `from` to `to`, both included, rising. */
  readonly primes: readonly number[];
  /** Segments that this instance has sieved since it started, this one included. */
  readonly segmentsSieved: number;
}

let segmentsSieved = 0;

/** Ends at `to`, or at the first chunk after the caller has cancelled. Throws a `RangeError` for a range that is none. */
export default async function* primes(event?: PrimesEvent, context?: Context): AsyncGenerator<PrimesChunk, undefined> {
  const { from, to, segment } = checkEvent(event ?? {});
  let small = primesUpTo(Math.min(1_000, Math.ceil(Math.sqrt(to))));
  let reach = 1_000;
  for (let low = from; low <= to; low += segment) {
    // A turn of the event loop lets a cancellation in: sieving alone never would.
    await turn();
    if (context?.signal.aborted) return;
    const high = Math.min(low + segment - 1, to);
    if (reach * reach < high) {
      // At least doubled, so that all the restarts together cost no more than the last one.
      reach = Math.max(reach * 2, Math.ceil(Math.sqrt(high)));
      small = primesUpTo(reach);
    }
    segmentsSieved++;
    yield { from: low, to: high, primes: sieve(low, high, small), segmentsSieved };
  }
}

function checkEvent({ from = 2, to = MAX_TO, segment = 65_536 }: PrimesEvent): Required<PrimesEvent> {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to > MAX_TO || from > to)
    throw new RangeError(
      `\`from\` and \`to\` must be whole numbers, 0 <= from <= to <= ${MAX_TO}; got ${from} and ${to}.`,
    );
  if (!Number.isInteger(segment) || segment < 16 || segment > MAX_SEGMENT)
    throw new RangeError(`\`segment\` must be a whole number from 16 to ${MAX_SEGMENT}, not ${segment}.`);
  return { from: Math.max(2, from), to, segment };
}

/** `small` must hold every prime up to the square root of `high`. */
function sieve(low: number, high: number, small: readonly number[]): number[] {
  const isComposite = new Uint8Array(high - low + 1);
  for (const prime of small) {
    if (prime * prime > high) break;
    const first = Math.max(prime * prime, Math.ceil(low / prime) * prime);
    for (let multiple = first - low; multiple < isComposite.length; multiple += prime) isComposite[multiple] = 1;
  }
  const found: number[] = [];
  for (let at = 0; at < isComposite.length; at++) if (isComposite[at] === 0) found.push(low + at);
  return found;
}

function primesUpTo(limit: number): number[] {
  if (limit < 2) return [];
  return sieve(2, limit, primesUpTo(Math.floor(Math.sqrt(limit))));
}
