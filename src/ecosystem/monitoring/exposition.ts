/**
 * One scrape: numbers that are counted elsewhere, written down with prom-client. A new one for each scrape, so what is gone from the
 * numbers is gone from the text, and nothing is kept between scrapes.
 */
import { Counter, Gauge, type Metric, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly labels?: Labels;
  /** Absent when it is not known: the sample is left out. */
  readonly value: number | undefined;
}

export interface HistogramSample {
  readonly labels: Labels;
  /** Counts by upper bound, not cumulative; one more than there are bounds. */
  readonly counts: readonly number[];
  /** In the unit of the bounds. */
  readonly sum: number;
}

export class Exposition {
  readonly #registry = new Registry();

  /** A total since the host started. Without samples nothing is written: the library would write a 0 that has no labels. */
  counter(name: string, help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    const metric = new Counter({ name, help, labelNames: labelNamesOf(samples), registers: [this.#registry] });
    for (const { labels = {}, value } of samples) if (value !== undefined) metric.inc(labels, value);
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    const metric = new Gauge({ name, help, labelNames: labelNamesOf(samples), registers: [this.#registry] });
    for (const { labels = {}, value } of samples) if (value !== undefined) metric.set(labels, value);
  }

  /** The Histogram of the library takes single observations only, so this one brings the finished lines. */
  histogram(name: string, help: string, bounds: readonly number[], samples: readonly HistogramSample[]): void {
    const values = samples.flatMap((sample) => histogramLines(name, bounds, sample));
    const metric = {
      name,
      help,
      type: 'histogram',
      get: () => Promise.resolve({ name, help, type: 'histogram', values }),
    };
    this.#registry.registerMetric(metric as unknown as Metric);
  }

  /** The text format of Prometheus, version 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function labelNamesOf(samples: readonly Sample[]): string[] {
  return Object.keys(samples[0]?.labels ?? {});
}

function histogramLines(name: string, bounds: readonly number[], { labels, counts, sum }: HistogramSample) {
  const lines: { metricName: string; labels: Labels; value: number }[] = [];
  let total = 0;
  for (const [index, count] of counts.entries()) {
    total += count;
    const le = index < bounds.length ? String(bounds[index]) : '+Inf';
    lines.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: total });
  }
  lines.push({ metricName: `${name}_sum`, labels, value: sum });
  lines.push({ metricName: `${name}_count`, labels, value: total });
  return lines;
}
