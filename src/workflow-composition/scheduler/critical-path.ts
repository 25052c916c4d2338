/**
 * When the steps of an execution are going to begin and to end: the critical path over `after`, from what was learned of run times, and how likely
 * each of them is to run at all. One pass over the outlook, nearest first. Pure.
 *
 * After PERT (Malcolm et al., 1959), with moments in place of three points. Steps are taken to be independent of each other.
 */
import type { UpcomingStep } from '../language.ts';
import type { ExecutionOutlook, Profiles, RunningStep, StepProfile } from './protocol.ts';
import {
  fixedSpan,
  lastOf,
  later,
  NOTHING,
  plus,
  quantileMs,
  remaining,
  type Span,
  sometimes,
  spanOf,
  Z90,
} from './time-span.ts';

/** A fan-out is not believed to be wider. */
export const MOST_WIDTH = 100;

export interface StepForecast {
  readonly step: UpcomingStep;
  /** From now; undefined where something before it is unknown. */
  readonly start: Span | undefined;
  /** Of one call; undefined where it was never seen. */
  readonly run: Span | undefined;
  readonly end: Span | undefined;
  /** That it runs at all. */
  readonly chance: number;
  /** How many of it run at a time, if it does. */
  readonly width: number;
  /** Something that it waits for is running, and nothing is still to come. */
  readonly isNext: boolean;
}

export interface Forecast {
  /** In the order of the outlook. */
  readonly running: readonly { readonly step: RunningStep; readonly left: Span | undefined }[];
  readonly upcoming: readonly StepForecast[];
}

interface Known {
  readonly end: Span | undefined;
  readonly isUpcoming: boolean;
  readonly chance: number;
  readonly width: number;
}

/** `unknownMs` stands for run times of which nothing was learned. */
export function forecast(nowMs: number, outlook: ExecutionOutlook, profiles: Profiles, unknownMs?: number): Forecast {
  const { workflow, version } = outlook;
  const profileOf = (key: string) => profiles.step(workflow, version, key);
  const unknown = unknownMs === undefined ? undefined : fixedSpan(unknownMs);
  const known = new Map<string, Known>();
  const running = outlook.running.map((step) => {
    const left = leftOf(step, nowMs, { profileOf, profiles }) ?? unknown;
    const end = known.has(step.key) ? laterOf(known.get(step.key)?.end, left) : left;
    known.set(step.key, { end, isUpcoming: false, chance: 1, width: 1 });
    return { step, left };
  });
  const upcoming = outlook.upcoming.map((step) => {
    const forecasted = forecastStep(step, known, { profileOf, profiles, unknown });
    const { key, after } = step;
    const same = known.get(key);
    // Of several that go by one name, those who wait for it wait for the last; a turn of a loop follows the one before.
    const end = same?.isUpcoming && !after.includes(key) ? laterOf(same.end, forecasted.end) : forecasted.end;
    known.set(key, { ...forecasted, end, isUpcoming: true });
    return forecasted;
  });
  return { running, upcoming };
}

/**
 * The longest path that remains, in ms from now: what an execution should be preferred by when there is not room for all. Steps that may not run count
 * with their chance, steps of which nothing is known with the mean of the others; undefined where nothing is known of any.
 */
export function remainingPathMs(
  nowMs: number,
  outlook: ExecutionOutlook,
  profiles: Profiles,
): { readonly p50: number; readonly p90: number } | undefined {
  const { workflow, version } = outlook;
  const keys = [...outlook.running, ...outlook.upcoming].map(({ key }) => key);
  const means = keys.flatMap((key) => runOf(profiles.step(workflow, version, key))?.meanMs ?? []);
  if (means.length === 0 && keys.length > 0) return undefined;
  const meanMs = means.reduce((sum, mean) => sum + mean, 0) / Math.max(1, means.length);
  const { running, upcoming } = forecast(nowMs, outlook, profiles, meanMs);
  // What others wait for ends before them; as one of several ends that have nothing to do with each other, it would count twice.
  const awaited = new Set(outlook.upcoming.flatMap(({ key, after }) => after.filter((before) => before !== key)));
  const ends = [
    ...running.map(({ step, left }) => ({ key: step.key, end: left })),
    ...upcoming.map(({ step, end }) => ({ key: step.key, end })),
  ].filter(({ key }) => !awaited.has(key));
  const end = ends.reduce((last, each) => later(last, each.end ?? NOTHING), NOTHING);
  return { p50: quantileMs(end, 0), p90: quantileMs(end, Z90) };
}

interface Sources {
  readonly profileOf: (key: string) => StepProfile | undefined;
  readonly profiles: Profiles;
  readonly unknown: Span | undefined;
}

function forecastStep(step: UpcomingStep, known: ReadonlyMap<string, Known>, sources: Sources): StepForecast {
  const profile = sources.profileOf(step.key);
  const { chance, width } = oddsOf(step, profile, known, sources);
  let start: Span | undefined = NOTHING;
  let hasRunning = false;
  let hasUpcoming = false;
  for (const key of step.after) {
    const before = known.get(key);
    if (!before) continue;
    if (before.isUpcoming) hasUpcoming = true;
    else hasRunning = true;
    start = laterOf(start, before.end);
  }
  const run = runOf(profile) ?? sources.unknown;
  const whole = run && withColdStart(run, step.target, { profile, profiles: sources.profiles });
  const end = start && whole && plus(start, sometimes(lastOf(whole, width), chance));
  return { step, start, run, end, chance, width, isNext: hasRunning && !hasUpcoming };
}

/** What was decided already is certain: a language lists only what may still run. */
function oddsOf(
  { key, decidedBy }: UpcomingStep,
  profile: StepProfile | undefined,
  known: ReadonlyMap<string, Known>,
  { profileOf }: Sources,
): { readonly chance: number; readonly width: number } {
  const decider = decidedBy === undefined || decidedBy === key ? undefined : known.get(decidedBy);
  if (!decider || decidedBy === undefined) return { chance: 1, width: 1 };
  // Laplace's rule of succession for what was never seen, however often it could have been.
  const perDecision = profile?.perDecision ?? 1 / (1 + (profileOf(decidedBy)?.seen ?? 0));
  return {
    chance: decider.chance * Math.min(1, perDecision),
    width: Math.min(MOST_WIDTH, decider.width * Math.max(1, perDecision)),
  };
}

function leftOf(
  { key, target, startedMs, endsMs }: RunningStep,
  nowMs: number,
  { profileOf, profiles }: Omit<Sources, 'unknown'>,
): Span | undefined {
  if (endsMs !== undefined) return fixedSpan(endsMs - nowMs);
  const profile = profileOf(key);
  const run = runOf(profile);
  return run && remaining(withColdStart(run, target, { profile, profiles }), nowMs - startedMs);
}

/** From its beginning: it may have to wait for an instance. */
function withColdStart(
  run: Span,
  target: string | undefined,
  { profile, profiles }: { readonly profile: StepProfile | undefined; readonly profiles: Profiles },
): Span {
  const cold = target === undefined || !profile?.coldPart ? undefined : profiles.target(target)?.coldStartMs;
  return cold && profile ? plus(run, sometimes(spanOf(cold, profile.seen), profile.coldPart)) : run;
}

function runOf(profile: StepProfile | undefined): Span | undefined {
  return profile && profile.seen > 0 ? spanOf(profile.runMs, profile.seen) : undefined;
}

function laterOf(one: Span | undefined, other: Span | undefined): Span | undefined {
  return one && other && later(one, other);
}
