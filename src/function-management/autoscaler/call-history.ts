/** Puts hours of calls together into the history of all functions, in any order. Pure. */
import { type Chunk, HOUR_MINUTES } from './arrival-history.ts';
import type { CalledFunction, CallHistory } from './protocol.ts';

type Calls = [minute: number, calls: number];

interface Found {
  memoryMb: number;
  /** Of which `memoryMb` is. */
  hour: number;
  /** Of the calls in hours of which it is known how long calls ran: their number, and their time together. */
  timed: number;
  runMs: number;
  /** By minute of the Unix epoch; a minute may be there twice. */
  readonly calls: Calls[];
}

export const NO_CALLS: CallHistory = { firstMinute: 0, minutes: 0, functions: [] };

export class CallHistoryBuilder {
  readonly #functions = new Map<string, Found>();
  #newestHour: number | undefined;
  #minutes = 0;

  get newestHour(): number | undefined {
    return this.#newestHour;
  }

  /** Minutes with calls, over all functions. */
  get minutes(): number {
    return this.#minutes;
  }

  add({ name, hour, memoryMb, runMs, calls }: Chunk): void {
    this.#newestHour = Math.max(hour, this.#newestHour ?? hour);
    const found = this.#functions.get(name) ?? { memoryMb, hour, timed: 0, runMs: 0, calls: [] };
    this.#functions.set(name, found);
    if (hour > found.hour) Object.assign(found, { memoryMb, hour });
    for (const [minute, count] of calls) {
      found.calls.push([hour * HOUR_MINUTES + minute, count]);
      this.#minutes++;
      if (runMs === undefined) continue;
      found.timed += count;
      found.runMs += runMs * count;
    }
  }

  /** Without what lies before `fromMinute`; up to `untilMinute`, or up to the last call. */
  build(fromMinute: number, untilMinute = 0): CallHistory {
    let [firstMinute, lastMinute] = [Number.POSITIVE_INFINITY, untilMinute];
    const functions: (Omit<CalledFunction, 'calls'> & { readonly calls: Calls[] })[] = [];
    for (const [name, { memoryMb, timed, runMs, calls: found }] of this.#functions) {
      const calls = inOrder(found.filter(([minute]) => minute >= fromMinute));
      if (calls.length === 0) continue;
      firstMinute = Math.min(firstMinute, calls[0]?.[0] ?? firstMinute);
      lastMinute = Math.max(lastMinute, calls.at(-1)?.[0] ?? lastMinute);
      functions.push({ name, memoryMb, ...(timed > 0 ? { runMs: runMs / timed } : {}), calls });
    }
    if (functions.length === 0) return NO_CALLS;
    // In place: of the pairs there may be a million.
    for (const { calls } of functions) for (const call of calls) call[0] -= firstMinute;
    functions.sort((one, other) => (one.name < other.name ? -1 : 1));
    return { firstMinute, minutes: lastMinute - firstMinute + 1, functions };
  }
}

/** Those of the same minute added up. */
function inOrder(calls: Calls[]): Calls[] {
  calls.sort(([one], [other]) => one - other);
  const kept: Calls[] = [];
  for (const call of calls) {
    const last = kept.at(-1);
    if (last?.[0] === call[0]) last[1] += call[1];
    else kept.push(call);
  }
  return kept;
}
