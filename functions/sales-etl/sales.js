// @ts-check
/** Sales into a warehouse: every night by a schedule, and the days before it was there by a backfill. */
import { join } from 'node:path';
import { writeSales } from './shops.js';

const DAY_MS = 86_400_000;
const STEPS = ['sales-extract', 'sales-transform', 'sales-load'];
export const SCHEDULE = 'sales-etl';

/** @param {import('troupe').Troupe} troupe @param {{ from: string, to: string }} places */
export async function setUp(troupe, { from, to }) {
  for (const name of STEPS) await troupe.deploy({ name, source: new URL(`./${name}.ts`, import.meta.url) });
  await troupe.workflows.deploy({ name: SCHEDULE, source: new URL('./sales-etl.wf.yaml', import.meta.url) });
  return troupe.schedules.set(SCHEDULE, {
    function: SCHEDULE,
    cron: '0 3 * * *',
    timeZone: 'Europe/Zurich',
    payload: { from, to },
    // A day that is missed is made up for by the next backfill; two at a time would only be in each other's way.
    missed: 'once',
    overlap: 'queue',
  });
}

/**
 * The last days before `nowMs`, once each however often it is called: those that were done are not done again.
 * @param {import('troupe').Troupe} troupe
 * @param {{ directory: string, nowMs: number, days: number, write: (line: string) => void }} options
 * @returns {Promise<{ loaded: import('./sales-load.ts').Loaded[], again: import('troupe').Backfilled }>}
 */
export async function loadPastDays(troupe, { directory, nowMs, days, write }) {
  const places = { from: join(directory, 'shops'), to: join(directory, 'warehouse') };
  // The night after a day has the sales of that day, and some nights are an hour further from noon than others.
  const names = Array.from({ length: days + 2 }, (_, ago) =>
    new Date(nowMs - (ago + 1) * DAY_MS).toISOString().slice(0, 10),
  );
  await writeSales(places.from, names);
  await setUp(troupe, places);
  const range = { from: new Date(nowMs - days * DAY_MS), to: new Date(nowMs) };
  await troupe.schedules.backfill(SCHEDULE, range);
  const jobs = await troupe.jobs.list({ function: SCHEDULE, limit: 1_000 });
  /** @type {import('./sales-load.ts').Loaded[]} */
  const loaded = [];
  for (const { id } of jobs) loaded.push(await resultOf(troupe, id));
  loaded.sort((one, other) => one.day.localeCompare(other.day));
  for (const { day, lines, dropped, cents } of loaded)
    write(`${day}: ${lines} sales of ${(cents / 100).toFixed(2)} together, ${dropped} left out`);
  const again = await troupe.schedules.backfill(SCHEDULE, range);
  write(`The same again: ${again.enqueued} of ${again.times} days are loaded, for ${again.existing} were`);
  const [next] = await troupe.schedules.next(SCHEDULE, 1);
  write(`The schedule goes on at ${next?.toISOString()}`);
  return { loaded, again };
}

/** @param {import('troupe').Troupe} troupe @param {string} id @returns {Promise<import('./sales-load.ts').Loaded>} */
function resultOf(troupe, id) {
  return troupe.jobs.result(id);
}
