/**
 * When functions were called, minute by minute, as a replay needs it: only the minutes with calls, in typed arrays. A day of 46,000 functions takes
 * some 60 MB so, a tenth of what a table with a cell for each minute would. Types, and the bounds of a trace.
 */

export interface TracedFunction {
  /** As the trace calls it, for people. */
  readonly id: string;
  /** What sets it off (timer, http, queue ...), where the trace says so. */
  readonly trigger: string | undefined;
  /** Minutes in which it was called, ascending; the trace begins with minute 0. */
  readonly minutes: Uint32Array;
  /** Calls in each of `minutes`, at least 1. */
  readonly counts: Uint32Array;
  readonly memoryMb: number | undefined;
  /** Mean run time of its calls. */
  readonly runMs: number | undefined;
}

export interface Trace {
  readonly functions: readonly TracedFunction[];
  /** How many minutes it covers. */
  readonly minutes: number;
  /** What the trace itself calls its minute 0. */
  readonly firstMinute: number;
}

/** Where the trace does not say. */
export const UNKNOWN_MEMORY_MB = 170;
/** A leap year: whoever has more than that has mistaken the unit. */
export const MAX_MINUTES = 366 * 1_440;
/** Functions times minutes: a replay keeps a bit for each. Two weeks of 46,000 functions are half of it. */
export const MAX_CELLS = 2 ** 31;
export const MAX_CALLS_PER_MINUTE = 2 ** 32 - 1;

export function memoryOf({ memoryMb }: TracedFunction): number {
  return memoryMb ?? UNKNOWN_MEMORY_MB;
}

/** Calls in all. */
export function callsOf({ functions }: Trace): number {
  return functions.reduce((sum, { counts }) => counts.reduce((calls, count) => calls + count, sum), 0);
}
