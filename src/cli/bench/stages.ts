/** The parts of a benchmark that are the same for a function in a file and for one on a host: warm calls, then many at a time. */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { TroupeError } from '../../errors.ts';
import { type BenchFigures, figuresOf, type LoadFigures, type Sample } from './figures.ts';
import { bucketsOf } from './histogram.ts';
import { callInFlight, callOneByOne, type Limits, type Subject, warmUpOf } from './loops.ts';
import { quantilesOf, sorted } from './quantiles.ts';

export interface Plan {
  /** Warm calls, one at a time. */
  readonly calls: number;
  /** At most so many before them. */
  readonly warmUpCalls: number;
  /** Calls under load, of all callers together. */
  readonly loadCalls: number;
  /** 0: none are brought about. */
  readonly coldStarts: number;
  /** 0: this part is left out. */
  readonly inFlight: number;
  /** Of each part, spent in calls; Infinity: no matter how long. */
  readonly durationMs: number;
  readonly coldDurationMs: number;
  readonly signal: AbortSignal;
  /** Says what is done now. */
  readonly note: (line: string) => void;
}

export interface WarmAndLoad {
  readonly warm: BenchFigures['warm'];
  readonly met: BenchFigures['cold']['met'];
  readonly load: LoadFigures | null;
}

export async function warmAndLoad(subject: Subject, plan: Plan): Promise<WarmAndLoad> {
  const { calls, warmUpCalls, durationMs, signal, note } = plan;
  const limits: Limits = { calls, durationMs, signal };
  note('warm calls, one at a time');
  const samples = await callOneByOne(subject, warmUpOf({ ...limits, calls: warmUpCalls }));
  const warmed = samples.length;
  if (!signal.aborted) samples.push(...(await callOneByOne(subject, limits)));
  const warm = samples.slice(warmed).filter(({ coldStart }) => coldStart === undefined);
  const met = samples.filter(({ coldStart }) => coldStart !== undefined);
  const load = plan.inFlight > 0 && !signal.aborted ? await underLoad(subject, plan) : null;
  return { warm: warmFigures(warm), met: figuresOf(met) ?? null, load };
}

function warmFigures(samples: readonly Sample[]): BenchFigures['warm'] {
  const figures = figuresOf(samples);
  if (!figures) return null;
  return { ...figures, histogram: bucketsOf(sorted(samples.map(({ totalUs }) => totalUs))) };
}

async function underLoad(subject: Subject, plan: Plan): Promise<LoadFigures> {
  const { inFlight, loadCalls: calls, durationMs, signal, note } = plan;
  const limits = { calls, durationMs, signal };
  note(`${inFlight} calls in flight`);
  // Instances are started for that many, and are there when it counts.
  await callInFlight(subject, inFlight, warmUpOf(limits)).catch((thrown: unknown) => tooMany(thrown, inFlight));
  const { tookUs, seconds } = await callInFlight(subject, inFlight, limits);
  return {
    inFlight,
    calls: tookUs.length,
    seconds,
    perSecond: tookUs.length / Math.max(seconds, 1e-6),
    totalUs: quantilesOf(tookUs),
    instances: await subject.instances(),
  };
}

function tooMany(thrown: unknown, inFlight: number): never {
  if (!(thrown instanceof TroupeError) || thrown.code !== 'OVERLOADED') throw thrown;
  const message = `${thrown.message} Of --in-flight ${inFlight}, a lower number may fit.`;
  throw new TroupeError(thrown.code, message, { details: thrown.details, cause: thrown.cause });
}

/** What the figures depend on. */
export function environment(): BenchFigures['environment'] {
  const { version, platform, arch } = process;
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  return { node: version, platform, arch, cpu, cores: availableParallelism(), loadAverage: loadavg()[0] ?? 0 };
}
