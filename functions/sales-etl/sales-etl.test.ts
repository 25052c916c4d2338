import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestTroupe } from '../../src/developer-environment/testing/testing.ts';
import { loadPastDays, SCHEDULE, setUp } from './sales.js';
import extract from './sales-extract.ts';
import transform from './sales-transform.ts';
import { writeSales } from './shops.js';

/** The clocks of Zurich are set forward in the night of 29 March. */
const FRIDAY_NOON_MS = Date.UTC(2026, 2, 27, 12);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'troupe-sales-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('loads a day each night by itself, the one on which clocks change included', async () => {
  const places = { from: join(directory, 'shops'), to: join(directory, 'warehouse') };
  await writeSales(places.from, ['2026-03-26', '2026-03-27', '2026-03-28', '2026-03-29']);
  await using troupe = await createTestTroupe({ startAt: FRIDAY_NOON_MS });
  await setUp(troupe, places);
  await troupe.clock.advance('72h');
  expect((await readdir(places.to)).sort()).toEqual(['2026-03-27.json', '2026-03-28.json', '2026-03-29.json']);
  const { counts } = await troupe.schedules.get(SCHEDULE);
  expect(counts).toEqual({ fired: 3, skipped: 0, missed: 0 });
});

it('loads past days once each, and adds up what makes sense', async () => {
  await using troupe = await createTestTroupe({ startAt: FRIDAY_NOON_MS });
  const lines: string[] = [];
  const options = { directory, nowMs: FRIDAY_NOON_MS, days: 7, write: (line: string) => void lines.push(line) };
  const { loaded, again } = await troupe.clock.runUntil(loadPastDays(troupe, options));
  expect(loaded.map(({ day }) => day)).toEqual(
    ['20', '21', '22', '23', '24', '25', '26'].map((day) => `2026-03-${day}`),
  );
  expect(again).toEqual({ times: 7, enqueued: 0, existing: 7 });
  const [first] = loaded;
  const { products, cents } = JSON.parse(await readFile(first?.file ?? '', 'utf8'));
  expect(first).toMatchObject({ lines: 600, dropped: 12, cents });
  expect(products.map(({ product }: { product: string }) => product)).toEqual(['teapot', 'saucer', 'cup', 'spoon']);
  expect(lines).toHaveLength(9);
});

it('waits for a shop that is still writing, and says which day has no sales', async () => {
  const from = join(directory, 'shops');
  await writeSales(from, ['2026-03-26']);
  await expect(extract({ before: '2026-03-28T02:00:00.000Z', from })).rejects.toMatchObject({ name: 'NoSales' });
  const { files } = await extract({ before: '2026-03-27T02:00:00.000Z', from });
  expect(files).toHaveLength(3);
  expect(await transform({ files: files.slice(0, 1) })).toMatchObject({ lines: 200, dropped: 4 });
  await writeFile(files[0] ?? '', 'time,product,pieces,cents\n');
  await expect(extract({ before: '2026-03-27T02:00:00.000Z', from })).rejects.toMatchObject({
    name: 'FileIncomplete',
  });
});
