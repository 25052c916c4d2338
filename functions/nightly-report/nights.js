// @ts-check
/** Reports of two nights as jobs: one that succeeds when the station has time, and one that nobody can write before its readings are mended. */
import { join } from 'node:path';
import { startStation } from './weather-station.js';

const NIGHT = '2026-01-30';
const DAMAGED_NIGHT = '2026-01-31';

/**
 * @param {import('troupe').Troupe} troupe
 * @param {object} options
 * @param {string} options.directory for the pages
 * @param {number} options.pauseMs before the second attempt; twice as long before the third, and so on
 * @param {(line: string) => void} options.write
 * @returns {Promise<{ report: import('./index.ts').NightlyReport, mended: import('./index.ts').NightlyReport, failures: string[] }>}
 */
export async function writeNightlyReports(troupe, { directory, pauseMs, write }) {
  await troupe.deploy({ name: 'nightly-report', source: new URL('./index.ts', import.meta.url) });
  const station = await startStation({ busyTimes: 2, damagedNight: DAMAGED_NIGHT });
  try {
    /** @param {string} night */
    const enqueue = (night) =>
      troupe.enqueue(
        'nightly-report',
        { night, from: station.urlOf(night), to: join(directory, `${night}.html`) },
        // Two nights are two jobs, and whoever asks twice for one gets one report.
        { maxAttempts: 4, backoff: { type: 'exponential', delayMs: pauseMs }, idempotencyKey: night },
      );
    const [good, bad] = await Promise.all([enqueue(NIGHT), enqueue(DAMAGED_NIGHT)]);

    const report = await resultOf(troupe, good.id);
    write(`${NIGHT}: ${report.rows} readings, ${report.meanCelsius} °C on average, at attempt ${report.attempt}`);

    await troupe.jobs.result(bad.id).catch(() => undefined);
    const [dead] = await troupe.jobs.list({ function: 'nightly-report', status: 'failed' });
    const failures = (dead?.errors ?? []).map(({ error }) => error.cause?.message ?? error.message);
    write(`${DAMAGED_NIGHT}: a dead letter after ${failures.length} attempts`);
    for (const [index, failure] of failures.entries()) write(`  attempt ${index + 1}: ${failure}`);

    station.mend();
    await troupe.jobs.retry(bad.id);
    const mended = await resultOf(troupe, bad.id);
    write(`${DAMAGED_NIGHT}: ${mended.rows} readings, once they were mended`);
    return { report, mended, failures };
  } finally {
    await station.close();
  }
}

/** @param {import('troupe').Troupe} troupe @param {string} id @returns {Promise<import('./index.ts').NightlyReport>} */
function resultOf(troupe, id) {
  return troupe.jobs.result(id);
}
