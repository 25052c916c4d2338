// @ts-check
/** Shops that write a file of their sales each day: the same for the same day on every machine. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SHOPS = ['bergen', 'cairo', 'zurich'];
const PRODUCTS = /** @type {const} */ ([
  ['cup', 1_250],
  ['teapot', 4_900],
  ['saucer', 650],
  ['spoon', 300],
]);
const SALES = 200;
/** One in so many lines makes no sense, as in real files. */
const BROKEN_EVERY = 50;

/** @param {string} directory @param {readonly string[]} days as in `2026-01-31` */
export async function writeSales(directory, days) {
  await mkdir(directory, { recursive: true });
  for (const day of days)
    for (const [index, shop] of SHOPS.entries())
      await writeFile(join(directory, `${day}.${shop}.csv`), salesOf(day, index));
}

/** @param {string} day @param {number} shop */
function salesOf(day, shop) {
  const seed = Number(day.replaceAll('-', '')) + shop;
  const lines = Array.from({ length: SALES }, (_, sale) => {
    const [product, cents] = PRODUCTS[(seed * 7 + sale * 13) % PRODUCTS.length] ?? PRODUCTS[0];
    const pieces = 1 + ((seed + sale * 31) % 4);
    const minute = String(Math.floor((sale * 1_440) / SALES) % 60).padStart(2, '0');
    const hour = String(Math.floor((sale * 24) / SALES)).padStart(2, '0');
    const isBroken = sale % BROKEN_EVERY === BROKEN_EVERY - 1;
    return `${day}T${hour}:${minute}Z,${product},${isBroken ? 'many' : pieces},${pieces * cents}`;
  });
  return ['time,product,pieces,cents', ...lines, '# end', ''].join('\n');
}
