/** A carrier that goes to some countries, and says so when it does not. */
import type { FunctionConfig } from 'troupe';

export const config = { idempotent: true, description: 'A carrier' } satisfies FunctionConfig;

/** By ISO 3166 code, from the warehouse in Bergen. */
const DAYS: ReadonlyMap<string, number> = new Map([
  ['NO', 1],
  ['SE', 2],
  ['DK', 2],
  ['IS', 4],
  ['DE', 5],
]);

export interface ShippingEvent {
  readonly order: string;
  readonly country: string;
}

export interface Shipment {
  readonly parcel: string;
  readonly days: number;
}

/** Throws `NoSuchRoute`. */
export default ({ order, country }: ShippingEvent): Shipment => {
  const days = DAYS.get(country);
  if (days === undefined) {
    const message = `Nobody carries parcels to ${String(country)}; the carrier goes to ${[...DAYS.keys()].join(', ')}.`;
    throw Object.assign(new Error(message), { name: 'NoSuchRoute' });
  }
  return { parcel: `${country}-${order}`, days };
};
