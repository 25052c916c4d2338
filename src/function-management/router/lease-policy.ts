/**
 * When an instance is leased a slot of another, so that its calls go there directly. Pure: time is an argument.
 *
 * Who calls the same function again soon will most likely go on: that is when a lease pays. A slot for which others had to wait is contested;
 * it is not leased again for a while, and each time that happens again for twice as long, since a lease that is given and taken for every call
 * costs more than it saves.
 */

/** Two calls to one function within this time are a habit. */
export const HABIT_MS = 100;
export const FIRST_PAUSE_MS = 100;
export const LONGEST_PAUSE_MS = 3_200;
/** Remembered for each caller; a habit has few names. */
const MAX_NAMES = 64;
/** Leases that one instance holds at a time: it does not do more at once. */
export const MAX_LEASES = 8;
/** Links of one caller; each is two rings and a port. */
export const MAX_LINKS = 16;

interface Pause {
  readonly untilMs: number;
  readonly lengthMs: number;
}

export class LeasePolicy {
  /** When each caller last called each function by way of the host. */
  readonly #calls = new Map<string, Map<string, number>>();
  readonly #pauses = new Map<string, Pause>();

  /** A caller calls a function by way of the host; true when it did so a moment ago, too. */
  calls(callerId: string, functionName: string, nowMs: number): boolean {
    const names = this.#calls.get(callerId) ?? new Map<string, number>();
    this.#calls.set(callerId, names);
    const lastMs = names.get(functionName);
    // Set anew, it is the youngest: the first of the map is the oldest.
    names.delete(functionName);
    names.set(functionName, nowMs);
    if (names.size > MAX_NAMES) for (const oldest of [...names.keys()].slice(0, 1)) names.delete(oldest);
    return lastMs !== undefined && nowMs - lastMs <= HABIT_MS;
  }

  /** Others had to wait for a leased slot of this version. */
  contested(version: string, nowMs: number): void {
    const last = this.#pauses.get(version);
    if (last && nowMs < last.untilMs) return;
    const isAgain = last !== undefined && !isForgotten(last, nowMs);
    // Versions come and go: what is kept is bounded by those that were contested within the last seconds.
    for (const [other, pause] of this.#pauses) if (isForgotten(pause, nowMs)) this.#pauses.delete(other);
    const lengthMs = isAgain ? Math.min(last.lengthMs * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
    this.#pauses.set(version, { untilMs: nowMs + lengthMs, lengthMs });
  }

  isPaused(version: string, nowMs: number): boolean {
    const pause = this.#pauses.get(version);
    return pause !== undefined && nowMs < pause.untilMs;
  }

  forgetCaller(callerId: string): void {
    this.#calls.delete(callerId);
  }

  /** How many versions it remembers as contested. */
  get contestedVersions(): number {
    return this.#pauses.size;
  }
}

/** After its pause, a version has to go without contest for as long again. */
function isForgotten({ untilMs, lengthMs }: Pause, nowMs: number): boolean {
  return nowMs >= untilMs + lengthMs;
}
