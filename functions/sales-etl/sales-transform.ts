/** Adds up what was sold, by product. Lines that make no sense are counted and left out. */
import { readFile } from 'node:fs/promises';
import type { FunctionConfig } from 'troupe';

export const config = {
  timeoutMs: 30_000,
  idempotent: true,
  description: 'Adds up sales by product',
} satisfies FunctionConfig;

export interface ProductTotal {
  readonly product: string;
  readonly pieces: number;
  readonly cents: number;
}

export interface Totals {
  /** The best-selling first. */
  readonly products: readonly ProductTotal[];
  readonly lines: number;
  readonly dropped: number;
}

/** `time,product,pieces,cents`, one sale a line, after a header. */
export default async ({ files }: { readonly files: readonly string[] }): Promise<Totals> => {
  const products = new Map<string, { pieces: number; cents: number }>();
  let [lines, dropped] = [0, 0];
  for (const file of files) {
    const [, ...sales] = (await readFile(file, 'utf8')).trimEnd().split('\n');
    for (const line of sales) {
      if (line.startsWith('#')) continue;
      lines++;
      const [, product = '', pieces, cents] = line.split(',');
      const sold = { pieces: Number(pieces), cents: Number(cents) };
      if (product === '' || !(sold.pieces > 0) || !(sold.cents >= 0)) {
        dropped++;
        continue;
      }
      const total = products.get(product) ?? { pieces: 0, cents: 0 };
      products.set(product, { pieces: total.pieces + sold.pieces, cents: total.cents + sold.cents });
    }
  }
  const sorted = Array.from(products, ([product, total]) => ({ product, ...total }));
  sorted.sort((one, other) => other.cents - one.cents || one.product.localeCompare(other.product));
  return { products: sorted, lines, dropped };
};
