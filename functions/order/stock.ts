/**
 * A warehouse in one instance: what lies there, and what of it is reserved for which order.
 *
 * Both actions may be repeated: a step of a workflow runs at least once, so a second `reserve` for the same order finds the first, and a `release` of
 * what is not reserved changes nothing.
 */
import type { FunctionConfig } from 'troupe';

// The goods are in its memory, so there is one of it. Something that has to outlive its instance belongs into a database.
export const config = {
  maxInstances: 1,
  concurrency: 1,
  idempotent: true,
  description: 'A warehouse that reserves and releases',
} satisfies FunctionConfig;

interface Goods {
  available: number;
  readonly cents: number;
}

export type StockEvent =
  | { readonly action: 'reserve'; readonly order: string; readonly item: string; readonly quantity: number }
  | { readonly action: 'release'; readonly order: string }
  | { readonly action: 'show' };

export interface Reservation {
  readonly order: string;
  readonly item: string;
  readonly quantity: number;
  /** Of all of it. */
  readonly cents: number;
}

export interface Stock {
  readonly available: Readonly<Record<string, number>>;
  readonly reserved: readonly Reservation[];
}

const goods: ReadonlyMap<string, Goods> = new Map([
  ['teapot', { available: 12, cents: 3_450 }],
  ['cup', { available: 60, cents: 790 }],
  ['sieve', { available: 3, cents: 1_200 }],
]);
const reservations = new Map<string, Reservation>();

/** Throws `OutOfStock`, and a `TypeError` for what is no order. */
export default (event: StockEvent): Reservation | Stock | { readonly released: boolean } => {
  if (event.action === 'show') return show();
  if (typeof event.order !== 'string' || event.order === '') throw new TypeError('`order` is missing: its number.');
  if (event.action === 'release') return { released: release(event.order) };
  return reservations.get(event.order) ?? reserve(event);
};

function reserve({ order, item, quantity }: StockEvent & { action: 'reserve' }): Reservation {
  const found = goods.get(item);
  if (!found) throw new TypeError(`\`item\` must be one of ${[...goods.keys()].join(', ')}, not ${String(item)}.`);
  if (!Number.isInteger(quantity) || quantity < 1)
    throw new TypeError(`\`quantity\` must be a whole number from 1, not ${String(quantity)}.`);
  if (quantity > found.available) {
    const message = `Of ${item} there are ${found.available}, which is fewer than ${quantity}.`;
    throw Object.assign(new Error(message), { name: 'OutOfStock' });
  }
  found.available -= quantity;
  const reservation = { order, item, quantity, cents: quantity * found.cents };
  reservations.set(order, reservation);
  return reservation;
}

function release(order: string): boolean {
  const reservation = reservations.get(order);
  const found = reservation && goods.get(reservation.item);
  if (!found) return false;
  found.available += reservation.quantity;
  return reservations.delete(order);
}

function show(): Stock {
  const available = Object.fromEntries([...goods].map(([item, each]) => [item, each.available]));
  return { available, reserved: [...reservations.values()] };
}
