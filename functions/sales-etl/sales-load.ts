/** Writes a day's totals to the warehouse: the whole file or none of it, and the same file when it is done again. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FunctionConfig } from 'troupe';
import type { Totals } from './sales-transform.ts';

export const config = {
  timeoutMs: 10_000,
  idempotent: true,
  description: "Writes a day's totals",
} satisfies FunctionConfig;

export interface LoadEvent {
  readonly day: string;
  readonly to: string;
  readonly totals: Totals;
}

export interface Loaded {
  readonly day: string;
  readonly file: string;
  readonly lines: number;
  readonly dropped: number;
  readonly cents: number;
}

export default async ({ day, to, totals }: LoadEvent): Promise<Loaded> => {
  await mkdir(to, { recursive: true });
  const file = join(resolve(to), `${day}.json`);
  const cents = totals.products.reduce((sum, product) => sum + product.cents, 0);
  await writeFile(`${file}.part`, `${JSON.stringify({ day, cents, ...totals }, null, 2)}\n`);
  await rename(`${file}.part`, file);
  return { day, file, lines: totals.lines, dropped: totals.dropped, cents };
};
