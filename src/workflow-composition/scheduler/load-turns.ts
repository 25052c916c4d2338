/**
 * Instances that are needed one after the other load one after the other, as many at a time as there are processors; those that are needed together, as
 * by a fan-out, load together. To load is mostly to compute: of four that do so on two processors, all are ready when the
 * last one would have been, where two and two would have had the first two ready in half of the time.
 *
 * A turn ends when an instance of the function has started, or after a moment: whoever takes longer waits for something else than a processor. An order
 * that nothing was started for, since instances were there already, takes a turn once in vain; the next order of that function takes none.
 * Pure but for its memory.
 */
export const LONGEST_TURN_MS = 100;
const MOST_KNOWN = 10_000;

interface Turn {
  readonly functionName: string;
  readonly endsMs: number;
}

export class LoadTurns {
  readonly #processors: number;
  /** First to end first. */
  #turns: Turn[] = [];
  readonly #needNone = new Set<string>();

  constructor(processors: number) {
    this.#processors = Math.max(1, processors);
  }

  /** When the next turn ends at the latest. */
  get nextMs(): number {
    return this.#turns[0]?.endsMs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether instances of the function may begin to load. */
  isFree(functionName: string, nowMs: number): boolean {
    this.#end(nowMs);
    return this.#turns.length < this.#processors || this.#needNone.has(functionName);
  }

  take(functionName: string, count: number, nowMs: number): void {
    if (this.#needNone.has(functionName)) return;
    const endsMs = nowMs + LONGEST_TURN_MS;
    for (let nth = 0; nth < Math.min(count, this.#processors); nth++) this.#turns.push({ functionName, endsMs });
  }

  /** An instance of the function is ready. True where that was a turn. */
  started(functionName: string): boolean {
    this.#needNone.delete(functionName);
    const index = this.#turns.findIndex((turn) => turn.functionName === functionName);
    if (index >= 0) this.#turns.splice(index, 1);
    return index >= 0;
  }

  #end(nowMs: number): void {
    if (this.nextMs > nowMs) return;
    if (this.#needNone.size >= MOST_KNOWN) this.#needNone.clear();
    for (const { functionName, endsMs } of this.#turns) if (endsMs <= nowMs) this.#needNone.add(functionName);
    this.#turns = this.#turns.filter(({ endsMs }) => endsMs > nowMs);
  }
}
