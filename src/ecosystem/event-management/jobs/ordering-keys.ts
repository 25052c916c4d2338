/**
 * Which ordering keys have a job that must end before others of the key begin, and who waits for that (invariant 4). Pure, but for the reader of each
 * line.
 *
 * A key is held by the job that runs, or that has run and will again, or that is next in line. It is remembered on disk who holds it while somebody
 * waits or it will run again: else a restart would forget the order. Where nobody holds and nobody waits, nothing is known of a key.
 */
import { Line, type Place } from './line.ts';

/** Of those that wait for one key, in memory. */
const LINE_CAPACITY = 16;

type Holder = Pick<Place, 'id' | 'orderingKey'>;

export interface OrderingKeysParts {
  readonly read: (orderingKey: string, afterSequence: number, limit: number) => readonly Place[];
  /** Who holds it is to be on disk; undefined: nobody any more. */
  readonly remember: (orderingKey: string, id: string | undefined) => void;
}

interface Held {
  holder: string;
  isRemembered: boolean;
  readonly line: Line;
}

export class OrderingKeys {
  readonly #parts: OrderingKeysParts;
  readonly #held = new Map<string, Held>();
  /** Somebody joined who is not known to be on disk. */
  readonly #unstored = new Set<Line>();

  constructor(parts: OrderingKeysParts) {
    this.#parts = parts;
  }

  mayRun({ id, orderingKey }: Holder): boolean {
    const held = orderingKey === undefined ? undefined : this.#held.get(orderingKey);
    return !held || held.holder === id;
  }

  /** It runs. Only where `mayRun` says so. */
  hold({ id, orderingKey }: Holder): void {
    if (orderingKey !== undefined && !this.#held.has(orderingKey)) this.#known(orderingKey, id, false);
  }

  /** It will run again: others of its key wait, across a restart too. */
  keep({ id, orderingKey }: Holder): void {
    if (orderingKey === undefined) return;
    const held = this.#held.get(orderingKey) ?? this.#known(orderingKey, id, false);
    this.#remember(orderingKey, held);
  }

  /** After a start: as it was remembered. */
  recall(orderingKey: string, id: string): void {
    this.#known(orderingKey, id, true);
  }

  park(place: Place): void {
    const held = place.orderingKey === undefined ? undefined : this.#held.get(place.orderingKey);
    if (place.orderingKey === undefined || !held) return;
    held.line.join(place);
    this.#unstored.add(held.line);
    this.#remember(place.orderingKey, held);
  }

  /** What was parked up to that place is on disk. */
  stored(sequence: number): void {
    for (const line of this.#unstored) if (line.stored(sequence)) this.#unstored.delete(line);
  }

  /** The holder has ended: the next of its key, if one waits, which holds it from now on. `isWaiting`: whether a place still stands for a job. */
  release({ id, orderingKey }: Holder, isWaiting: (place: Place) => boolean): Place | undefined {
    const held = orderingKey === undefined ? undefined : this.#held.get(orderingKey);
    if (orderingKey === undefined || held?.holder !== id) return undefined;
    for (let place = held.line.take(); place; place = held.line.take()) {
      if (!isWaiting(place)) continue;
      held.holder = place.id;
      this.#parts.remember(orderingKey, place.id);
      held.isRemembered = true;
      return place;
    }
    this.#held.delete(orderingKey);
    this.#unstored.delete(held.line);
    if (held.isRemembered) this.#parts.remember(orderingKey, undefined);
    return undefined;
  }

  #remember(orderingKey: string, held: Held): void {
    if (held.isRemembered) return;
    held.isRemembered = true;
    this.#parts.remember(orderingKey, held.holder);
  }

  #known(orderingKey: string, holder: string, isRemembered: boolean): Held {
    const { read } = this.#parts;
    const line = new Line({
      capacity: LINE_CAPACITY,
      read: (afterSequence, limit) => read(orderingKey, afterSequence, limit),
      isStored: isRemembered,
    });
    const held: Held = { holder, isRemembered, line };
    this.#held.set(orderingKey, held);
    return held;
  }
}
