/**
 * A payment provider as they are: busy now and then. It refuses the first two attempts at each charge, so that everyone sees the workflow try again.
 *
 * No order is charged twice, however often a step is run: the idempotency key, which is the same for each attempt at one step, names the charge.
 */
import type { Context, FunctionConfig } from 'troupe';

// The account is in its memory, so there is one of it. Something that has to outlive its instance belongs into a database.
export const config = {
  maxInstances: 1,
  concurrency: 1,
  idempotent: true,
  description: 'A payment provider that is busy now and then',
} satisfies FunctionConfig;

const BUSY_ATTEMPTS = 2;

export type PaymentEvent =
  | { readonly action: 'charge'; readonly order: string; readonly cents: number }
  | { readonly action: 'refund'; readonly order: string }
  | { readonly action: 'show'; readonly order: string };

export interface Payment {
  readonly order: string;
  /** What the customer has paid and not got back. */
  readonly cents: number;
  /** In order: positive ones are charges, negative ones refunds. */
  readonly bookings: readonly number[];
}

const attempts = new Map<string, number>();
const charged = new Set<string>();
const bookings = new Map<string, number[]>();

/** Throws `ProviderBusy`, after which it may be asked again. */
export default (event: PaymentEvent, context: Context): Payment => {
  const { order } = event;
  if (typeof order !== 'string' || order === '') throw new TypeError('`order` is missing: its number.');
  if (event.action === 'charge') charge(event, context.idempotencyKey ?? context.invocationId);
  else if (event.action === 'refund') refund(order);
  return show(order);
};

function charge({ order, cents }: PaymentEvent & { action: 'charge' }, key: string): void {
  if (!Number.isInteger(cents) || cents < 1)
    throw new TypeError(`\`cents\` must be a whole number from 1, not ${String(cents)}.`);
  if (charged.has(key)) return;
  const attempt = (attempts.get(key) ?? 0) + 1;
  attempts.set(key, attempt);
  if (attempt <= BUSY_ATTEMPTS) {
    throw Object.assign(new Error(`The provider is busy (attempt ${attempt}).`), { name: 'ProviderBusy' });
  }
  charged.add(key);
  book(order, cents);
}

function refund(order: string): void {
  const { cents } = show(order);
  if (cents > 0) book(order, -cents);
}

function book(order: string, cents: number): void {
  bookings.set(order, [...(bookings.get(order) ?? []), cents]);
}

function show(order: string): Payment {
  const all = bookings.get(order) ?? [];
  return { order, cents: all.reduce((sum, cents) => sum + cents, 0), bookings: all };
}
