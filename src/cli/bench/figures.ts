/** What a benchmark measures, and how samples become figures. Pure. `BenchFigures` is what `troupe bench --json` prints. */
import { type InvocationRecord, PHASES, type Phase } from '../../ledger/protocol.ts';
import type { Bucket } from './histogram.ts';
import { type Quantiles, quantilesOf } from './quantiles.ts';

/** The phases of the ledger, and what the caller waited beyond them: encoding, decoding and waking up, or HTTP. */
export const COMPONENTS = [...PHASES, 'outside'] as const;
export type Component = Phase | 'outside';

export type CallRecord = Pick<InvocationRecord, 'phasesUs'> & { readonly coldStart?: string | null };

/** One call, in microseconds; `totalUs` is what its caller saw. */
export interface Sample {
  readonly totalUs: number;
  readonly componentsUs: Readonly<Record<Component, number>>;
  /** Why, when it was a cold start. */
  readonly coldStart: string | undefined;
}

export interface CallFigures {
  readonly calls: number;
  readonly totalUs: Quantiles;
  /** Each component by itself: only the means of all add up to the mean of the total. */
  readonly componentsUs: Readonly<Record<Component, Quantiles>>;
}

export type ReasonCounts = Readonly<Record<string, number>>;

export interface LoadFigures {
  readonly inFlight: number;
  readonly calls: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** As a closed loop sees it: a call that waits keeps its successor from being made. */
  readonly totalUs: Quantiles;
  readonly instances: number;
}

export interface BenchFigures {
  readonly function: string;
  /** Null: a host of the benchmark's own. */
  readonly host: string | null;
  readonly agent: 'inline' | 'process' | null;
  readonly isolation: string | null;
  readonly environment: Readonly<Record<string, string | number>>;
  readonly deploy: { readonly buildMs: number; readonly bytes: number } | null;
  /** `spare` and `fresh` were brought about; `met` are those that calls of the other parts met with on a host that was there. */
  readonly cold: {
    readonly spare: (CallFigures & { readonly withoutSpare: number }) | null;
    readonly fresh: CallFigures | null;
    readonly met: CallFigures | null;
  };
  /** Null: no call was warm. */
  readonly warm: (CallFigures & { readonly histogram: readonly Bucket[] }) | null;
  readonly load: LoadFigures | null;
  /** Of the whole benchmark, by reason, without the two that only bring spares up. */
  readonly coldStarts: ReasonCounts;
  /** Lines that the function wrote to its log meanwhile: writing them is part of what was measured. */
  readonly logLines: number | null;
}

export function toSample(totalUs: number, { phasesUs, coldStart }: CallRecord): Sample {
  const insideUs = PHASES.reduce((sum, phase) => sum + phasesUs[phase], 0);
  const outside = Math.max(0, totalUs - insideUs);
  return { totalUs, componentsUs: { ...phasesUs, outside }, coldStart: coldStart ?? undefined };
}

/** Undefined of no samples. */
export function figuresOf(samples: readonly Sample[]): CallFigures | undefined {
  if (samples.length === 0) return undefined;
  const componentsUs = Object.fromEntries(
    COMPONENTS.map((component) => [component, quantilesOf(samples.map((sample) => sample.componentsUs[component]))]),
  ) as Record<Component, Quantiles>;
  return { calls: samples.length, totalUs: quantilesOf(samples.map(({ totalUs }) => totalUs)), componentsUs };
}

export function countReasons(samples: readonly Sample[]): ReasonCounts {
  const counts: Record<string, number> = {};
  for (const { coldStart } of samples) if (coldStart !== undefined) counts[coldStart] = (counts[coldStart] ?? 0) + 1;
  return counts;
}

export function addCounts(...all: readonly ReasonCounts[]): ReasonCounts {
  const sums: Record<string, number> = {};
  for (const counts of all) {
    for (const [reason, count] of Object.entries(counts)) sums[reason] = (sums[reason] ?? 0) + count;
  }
  return sums;
}
