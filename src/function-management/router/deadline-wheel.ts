/**
 * Deadlines of many calls on one timer. Calls are put into slots of `SLOT_MS`; the timer is armed for the earliest slot in use.
 * Adding and removing cost the same however many there are; a deadline is noticed at most one slot late, never early.
 *
 * The timing wheel of Varghese and Lauck (SOSP 1987), with a sparse map for the wheel: timeouts here reach from milliseconds to a day.
 * A slot is an array, not a Set: a Set that takes and gives a hundred thousand items a second is replaced again and again, and each dead
 * one leads the garbage collector to its successor, so that the items of all of them outlive their calls.
 */
import type { CancelTimer } from '../../kernel/clock.ts';

export const SLOT_MS = 5;

export interface Timed {
  readonly deadlineMs: number;
  /** Where it stands in its slot; the wheel's own. */
  wheelPosition?: number;
}

export interface WheelTimer {
  nowMs(): number;
  after(delayMs: number, callback: () => void): CancelTimer;
}

export class DeadlineWheel<T extends Timed> {
  readonly #slots = new Map<number, T[]>();
  readonly #timer: WheelTimer;
  readonly #expired: (item: T) => void;
  #size = 0;
  /** Emptied a moment ago: one call after another would otherwise make one each. */
  #spare: T[] = [];
  #armedSlot = Number.POSITIVE_INFINITY;
  #cancelTimer: CancelTimer = () => {};

  constructor(timer: WheelTimer, expired: (item: T) => void) {
    this.#timer = timer;
    this.#expired = expired;
  }

  get size(): number {
    return this.#size;
  }

  items(): T[] {
    return [...this.#slots.values()].flat();
  }

  add(item: T): void {
    this.#size++;
    const slot = slotOf(item);
    const items = this.#slots.get(slot) ?? this.#newSlot(slot);
    item.wheelPosition = items.push(item) - 1;
    if (slot < this.#armedSlot) this.#arm(slot);
  }

  remove(item: T): void {
    const slot = slotOf(item);
    const items = this.#slots.get(slot);
    const position = item.wheelPosition ?? -1;
    // The timer stays armed for an emptied slot: one call after another would otherwise set and clear a timer each.
    if (!items || items[position] !== item) return;
    const last = items.pop();
    if (last && last !== item) {
      items[position] = last;
      last.wheelPosition = position;
    }
    this.#size--;
    if (items.length > 0) return;
    this.#slots.delete(slot);
    this.#spare = items;
  }

  #newSlot(slot: number): T[] {
    const items = this.#spare;
    this.#spare = [];
    this.#slots.set(slot, items);
    return items;
  }

  #arm(slot: number): void {
    this.#cancelTimer();
    this.#armedSlot = slot;
    this.#cancelTimer = this.#timer.after(slot * SLOT_MS - this.#timer.nowMs(), () => this.#fire());
  }

  #fire(): void {
    this.#armedSlot = Number.POSITIVE_INFINITY;
    const nowMs = this.#timer.nowMs();
    let earliest = Number.POSITIVE_INFINITY;
    for (const [slot, items] of this.#slots) {
      if (slot * SLOT_MS > nowMs) {
        earliest = Math.min(earliest, slot);
        continue;
      }
      this.#slots.delete(slot);
      this.#size -= items.length;
      for (const item of items) this.#expired(item);
    }
    if (earliest < this.#armedSlot) this.#arm(earliest);
  }
}

function slotOf(item: Timed): number {
  return Math.ceil(item.deadlineMs / SLOT_MS);
}
