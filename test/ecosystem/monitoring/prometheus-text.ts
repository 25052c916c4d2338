/** A strict reader of the text format of Prometheus, version 0.0.4: throws at the first line that is not as the format has it. */

export interface Metric {
  readonly type: string;
  readonly help: string;
  /** By name and labels as they are written. */
  readonly samples: ReadonlyMap<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = `([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\[\\\\n"])*)"`;
const SAMPLE = new RegExp(
  `^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\+Inf|-Inf|NaN|-?[0-9.]+(?:e[+-]?[0-9]+)?)$`,
);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] };

export function parsePrometheus(text: string): Map<string, Metric> {
  if (!text.endsWith('\n')) throw new Error('The last line does not end.');
  const metrics = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  let help: { name: string; text: string } | undefined;
  let current: string | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const helpLine = new RegExp(`^# HELP (${NAME}) (.+)$`).exec(line);
    const typeLine = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line);
    if (helpLine) {
      help = { name: helpLine[1] ?? '', text: helpLine[2] ?? '' };
    } else if (typeLine) {
      const [, name = '', type = ''] = typeLine;
      if (help?.name !== name) throw new Error(`${name} has no help.`);
      if (metrics.has(name)) throw new Error(`${name} comes twice.`);
      metrics.set(name, { type, help: help.text, samples: new Map() });
      current = name;
    } else {
      addSample(line, current, metrics);
    }
  }
  for (const [name, { type, samples }] of metrics) if (type === 'histogram') checkHistogram(name, samples);
  return metrics;
}

function addSample(
  line: string,
  current: string | undefined,
  metrics: Map<string, { type: string; samples: Map<string, number> }>,
): void {
  const [, name = '', labels = ''] = SAMPLE.exec(line) ?? [];
  const metric = metrics.get(current ?? '');
  const allowed = (SUFFIXES[metric?.type ?? ''] ?? ['']).map((suffix) => `${current}${suffix}`);
  if (!metric || !allowed.includes(name)) throw new Error(`Not a sample of ${current}: ${line}`);
  const names = [...labels.matchAll(new RegExp(LABEL, 'g'))].map(([, label]) => label);
  if (new Set(names).size !== names.length) throw new Error(`A label comes twice: ${line}`);
  const key = line.slice(0, line.lastIndexOf(' '));
  if (metric.samples.has(key)) throw new Error(`A sample comes twice: ${line}`);
  const value = Number(line.slice(key.length + 1).replace('Inf', 'Infinity'));
  if (metric.type === 'counter' && !(value >= 0)) throw new Error(`A counter below 0: ${line}`);
  metric.samples.set(key, value);
}

/** The buckets of each series grow, end at +Inf, and the last equals the count. */
function checkHistogram(name: string, samples: ReadonlyMap<string, number>): void {
  const series = new Map<string, { bound: number; count: number }[]>();
  for (const [key, count] of samples) {
    const match = new RegExp(`^${name}_bucket\\{(.*?),?le="([^"]+)"\\}$`).exec(key);
    if (!match) continue;
    const [, labels = '', le = ''] = match;
    series.set(labels, [...(series.get(labels) ?? []), { bound: Number(le.replace('Inf', 'Infinity')), count }]);
  }
  for (const [labels, buckets] of series) {
    for (const [index, bucket] of buckets.entries()) {
      const before = buckets[index - 1];
      if (before && !(bucket.bound > before.bound && bucket.count >= before.count))
        throw new Error(`${name}: out of order`);
    }
    const last = buckets.at(-1);
    if (last?.bound !== Number.POSITIVE_INFINITY) throw new Error(`${name} has no bucket +Inf.`);
    if (last.count !== samples.get(`${name}_count{${labels}}`))
      throw new Error(`${name}: the count is not that of +Inf.`);
    if (!samples.has(`${name}_sum{${labels}}`)) throw new Error(`${name} has no sum.`);
  }
}
