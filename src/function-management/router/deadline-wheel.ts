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
  /** All slots in use but the recent one. */
  readonly #slots = new Map<number, T[]>();
  /** The slot of the latest call is held apart: with one call after another it is emptied and used again each time. */
  #recentSlot = -1;
  #recent: T[] = [];
  readonly #timer: WheelTimer;
  readonly #expired: (item: T) => void;
  #size = 0;
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
    return [this.#recent, ...this.#slots.values()].flat();
  }

  add(item: T): void {
    this.#size++;
    const slot = slotOf(item);
    if (slot !== this.#recentSlot) this.#turnTo(slot);
    item.wheelPosition = this.#recent.push(item) - 1;
    if (slot < this.#armedSlot) this.#arm(slot);
  }

  remove(item: T): void {
    const slot = slotOf(item);
    const items = slot === this.#recentSlot ? this.#recent : this.#slots.get(slot);
    const position = item.wheelPosition ?? -1;
    if (!items || items[position] !== item) return;
    const last = items.pop();
    if (last && last !== item) {
      items[position] = last;
      last.wheelPosition = position;
    }
    this.#size--;
    // The timer stays armed for an emptied slot: one call after another would otherwise set and clear a timer each.
    if (items.length === 0 && items !== this.#recent) this.#slots.delete(slot);
  }

  #turnTo(slot: number): void {
    if (this.#recent.length > 0) {
      this.#slots.set(this.#recentSlot, this.#recent);
      this.#recent = [];
    }
    this.#recentSlot = slot;
    const items = this.#slots.get(slot);
    if (!items) return;
    this.#recent = items;
    this.#slots.delete(slot);
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
    this.#turnTo(-1);
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
