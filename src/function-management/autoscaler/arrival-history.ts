/**
 * Calls of each function by the minute, as the host counted them: what is not stored yet, and what a stored hour looks like. Pure.
 *
 * An hour of a function is a chunk of bytes: numbers in LEB128 (seven bits in each byte, the lowest first; the highest bit is set in all bytes but
 * the last of a number):
 *
 *     memory of one instance in MB, run time of a call in us plus 1 (0 where unknown),
 *     then for each minute with calls, in order: minutes since the one before it with calls (for the first: since the hour began), calls
 *
 * A function that is called once an hour takes 6 bytes for it, one that is called in every minute some 130.
 */

/** One function in one hour. */
export interface HourOfCalls {
  /** What one instance is charged. */
  readonly memoryMb: number;
  /** How long a call runs; undefined before the first was measured. */
  readonly runMs: number | undefined;
  /** By minute of the hour, 0 to 59; each 1 or more. */
  readonly calls: ReadonlyMap<number, number>;
}

/** Where it belongs. */
export interface Chunk extends HourOfCalls {
  readonly name: string;
  /** Since the Unix epoch. */
  readonly hour: number;
}

export const HOUR_MINUTES = 60;
/** In a minute; what a trace can say. */
const MOST_CALLS = 2 ** 32 - 1;
/** Functions times hours that wait to be stored, some 4 MB. Further ones are not counted: storing makes room. */
const MOST_CHUNKS = 20_000;

type OpenHour = { -readonly [Key in keyof HourOfCalls]: HourOfCalls[Key] } & { readonly calls: Map<number, number> };

/** What was counted since it was last taken. */
export class ArrivalHistory {
  readonly #hours = new Map<number, Map<string, OpenHour>>();
  #chunks = 0;

  /** So many calls came in a minute of the Unix epoch. */
  called(name: string, minute: number, calls: number, { memoryMb, runMs }: Omit<HourOfCalls, 'calls'>): void {
    const open = this.#open(name, Math.floor(minute / HOUR_MINUTES));
    if (!open) return;
    open.memoryMb = memoryMb;
    open.runMs = runMs ?? open.runMs;
    addCalls(open.calls, minute % HOUR_MINUTES, calls);
  }

  /** A copy. */
  changes(): Chunk[] {
    return [...this.#hours].flatMap(([hour, functions]) =>
      [...functions].map(([name, { memoryMb, runMs, calls }]) => ({
        name,
        hour,
        memoryMb,
        runMs,
        calls: new Map(calls),
      })),
    );
  }

  /** What is taken is to be stored: it is not here any more. */
  takeChanges(): Chunk[] {
    const taken = this.changes();
    this.#hours.clear();
    this.#chunks = 0;
    return taken;
  }

  /** It could not be stored. What was counted meanwhile adds up with it. */
  putBack(chunks: readonly Chunk[]): void {
    for (const { name, hour, memoryMb, runMs, calls } of chunks) {
      const open = this.#open(name, hour, { memoryMb, runMs });
      if (open) for (const [minute, count] of calls) addCalls(open.calls, minute, count);
    }
  }

  #open(name: string, hour: number, facts: Omit<HourOfCalls, 'calls'> = { memoryMb: 0, runMs: undefined }) {
    let functions = this.#hours.get(hour);
    const known = functions?.get(name);
    if (known || this.#chunks >= MOST_CHUNKS) return known;
    functions ??= new Map<string, OpenHour>();
    const fresh: OpenHour = { ...facts, calls: new Map() };
    this.#hours.set(hour, functions.set(name, fresh));
    this.#chunks++;
    return fresh;
  }
}

/** Counts add up; of all else the later one counts. */
export function mergeHours(earlier: HourOfCalls, later: HourOfCalls): HourOfCalls {
  const calls = new Map(earlier.calls);
  for (const [minute, count] of later.calls) addCalls(calls, minute, count);
  return { memoryMb: later.memoryMb, runMs: later.runMs ?? earlier.runMs, calls };
}

export function encodeHour({ memoryMb, runMs, calls }: HourOfCalls): Uint8Array {
  const bytes: number[] = [];
  writeNumber(bytes, Math.round(memoryMb));
  writeNumber(bytes, runMs === undefined ? 0 : Math.round(runMs * 1_000) + 1);
  let from = 0;
  for (const [minute, count] of [...calls].sort(([one], [other]) => one - other)) {
    writeNumber(bytes, minute - from);
    writeNumber(bytes, count);
    from = minute;
  }
  return Uint8Array.from(bytes);
}

/** Undefined for what `encodeHour` never gives. */
export function decodeHour(bytes: Uint8Array): HourOfCalls | undefined {
  const reader = new NumberReader(bytes);
  const memoryMb = reader.next();
  const runUs = reader.next();
  const calls = new Map<number, number>();
  let minute = 0;
  while (reader.hasMore) {
    const since = reader.next();
    const count = reader.next();
    minute += since;
    // Only the first may be at the minute from which it is counted. A comparison with NaN is false.
    const isRight = (since > 0 || calls.size === 0) && minute < HOUR_MINUTES && count > 0 && count <= MOST_CALLS;
    if (!isRight) return undefined;
    calls.set(minute, count);
  }
  if (calls.size === 0 || Number.isNaN(memoryMb + runUs)) return undefined;
  return { memoryMb, runMs: runUs === 0 ? undefined : (runUs - 1) / 1_000, calls };
}

function addCalls(calls: Map<number, number>, minute: number, count: number): void {
  calls.set(minute, Math.min(MOST_CALLS, (calls.get(minute) ?? 0) + count));
}

/** By division: shifts end at 32 bits. */
function writeNumber(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
}

class NumberReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** NaN where it breaks off, or is larger than is exact. */
  next(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
      if (byte < 0x80) return value;
    }
  }
}
