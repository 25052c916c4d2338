/** Statistics of several series as the Markdown of a report. */
import type { FunctionConfig } from 'troupe';
import type { CsvStatistics } from '../csv-statistics/statistics.ts';

export const config = { idempotent: true, description: 'The draft of a report' } satisfies FunctionConfig;

export interface DraftEvent {
  readonly title: string;
  readonly statistics: readonly CsvStatistics[];
}

export default ({ title, statistics }: DraftEvent): string => {
  if (typeof title !== 'string' || title === '') throw new TypeError('`title` is missing: that of the report.');
  const rows = statistics.map(({ rows, columns }, at) => {
    const temperature = columns.find(({ name }) => name === 'temperature_c');
    if (temperature?.type !== 'number') throw new TypeError(`Series ${at + 1} has no temperatures.`);
    const { mean, min, max } = temperature;
    return `| ${at + 1} | ${rows} | ${mean.toFixed(1)} | ${min.toFixed(1)} | ${max.toFixed(1)} |`;
  });
  return [
    `# ${title}`,
    '',
    '| Series | Readings | Mean °C | Lowest | Highest |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
};
