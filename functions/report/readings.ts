/** One series of weather readings, as CSV: the same one each time, as far as a step that may run twice can tell. */
import type { FunctionConfig } from 'troupe';
import { weatherCsv } from '../csv-statistics/generate.js';

export const config = { idempotent: true, description: 'A series of weather readings' } satisfies FunctionConfig;

/** About 250 kB. */
const ROWS = 5_000;

export default ({ series }: { readonly series: number }): string => {
  if (!Number.isInteger(series) || series < 1)
    throw new TypeError(`A series must be a whole number from 1, not ${String(series)}.`);
  return weatherCsv({ rows: ROWS, seed: series });
};
