/**
 * The report of a night: fetches the readings of a weather station, computes their statistics, and writes a page.
 *
 * What fails it throws, and nothing else: when it is tried again, how often and how long is up to whoever enqueues it. It writes the same file again
 * when it is repeated.
 */
import { rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context, FunctionConfig } from 'troupe';
import type { NumericStatistics } from '../csv-statistics/column.ts';
import { csvStatistics } from '../csv-statistics/statistics.ts';
import { handler as markdownPage } from '../markdown/index.ts';

export const config = {
  timeoutMs: 10_000,
  idempotent: true,
  description: 'The report of a night, from the readings of a weather station',
} satisfies FunctionConfig;

export interface NightlyReportEvent {
  /** As in `2026-01-31`. */
  readonly night: string;
  /** Where the readings are, as CSV. */
  readonly from: string;
  /** The file of the page. */
  readonly to: string;
}

export interface NightlyReport {
  readonly night: string;
  readonly page: string;
  readonly rows: number;
  readonly meanCelsius: number;
  /** It took so many. */
  readonly attempt: number;
}

/** Throws `StationBusy` where the station has no time, `BadReadings` where what it says makes no sense. */
export default async (event: NightlyReportEvent, context: Context): Promise<NightlyReport> => {
  const { night, from, to } = event;
  const csv = await readings(from, context.signal);
  const { rows, temperature } = await statisticsOf(night, csv);
  const { mean, min, max } = temperature;
  const title = `The night of ${night}`;
  const markdown = [
    `# ${title}`,
    '',
    '| Readings | Mean °C | Lowest | Highest |',
    '| --- | --- | --- | --- |',
    `| ${rows} | ${mean.toFixed(1)} | ${min.toFixed(1)} | ${max.toFixed(1)} |`,
    '',
  ].join('\n');
  const { html } = await markdownPage({ title, markdown });
  // Whoever opens the page sees the old one or the new one, and never a half of one.
  await writeFile(`${to}.part`, html);
  await rename(`${to}.part`, to);
  return { night, page: resolve(to), rows, meanCelsius: Number(mean.toFixed(2)), attempt: context.attempt };
};

async function readings(from: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(from, { signal });
  if (!response.ok) throw named('StationBusy', `The station answered with ${response.status}.`);
  return response.text();
}

async function statisticsOf(night: string, csv: string): Promise<{ rows: number; temperature: NumericStatistics }> {
  const { rows, columns } = await csvStatistics({ csv });
  const temperature = columns.find(({ name }) => name === 'temperature_c');
  if (temperature?.type === 'number') return { rows, temperature };
  const seen = temperature ? 'are not all numbers' : `are missing among ${columns.map(({ name }) => name).join(', ')}`;
  throw named('BadReadings', `The temperatures of ${night} ${seen}.`);
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
