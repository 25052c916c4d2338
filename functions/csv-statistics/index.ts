/**
 * Statistics of a CSV: rows, and for each column of numbers minimum, maximum, mean, standard deviation, median and 95th percentile, for each
 * column of text the number of distinct values and the most frequent ones.
 *
 * Written with `defineFunction`: the input is checked by a schema before the handler sees it. Any Standard Schema will do; this is zod.
 */
import { defineFunction } from 'troupe';
import * as z from 'zod/mini';
import { DELIMITERS } from './csv-parser.ts';
import { csvStatistics } from './statistics.ts';

// zod/mini is a sixth of the size of zod, which a cold start pays for. It leaves the wording of faults to us.
const EXPECTED = 'Send the text or the bytes of a CSV, or { csv, delimiter? }, or { path, delimiter? }';
const delimiter = z.optional(z.enum(DELIMITERS));

/** The text itself, its bytes, `{ csv, delimiter? }` with either, or `{ path, delimiter? }`. */
export const input = z.union(
  [
    z.string(),
    z.instanceof(Uint8Array),
    z.strictObject({ csv: z.union([z.string(), z.instanceof(Uint8Array)]), delimiter }),
    z.strictObject({ path: z.string().check(z.minLength(1, 'The path is empty')), delimiter }),
  ],
  `${EXPECTED}; a delimiter is one of ${DELIMITERS.map((character) => JSON.stringify(character)).join(' ')}`,
);

export default defineFunction({
  // Text, its fields and the sorted numbers of a few million values.
  config: { timeoutMs: 30_000, memoryMb: 256, idempotent: true, description: 'Statistics of a CSV' },
  input,
  handler: async (event, context) => {
    const source = typeof event === 'string' || event instanceof Uint8Array ? { csv: event } : event;
    const options = { delimiter: 'delimiter' in source ? source.delimiter : undefined, signal: context.signal };
    return csvStatistics(source, options);
  },
});
