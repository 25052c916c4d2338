/**
 * The look-ahead policy `just-in-time`, the default: an instance is ready when its step is, and not much earlier.
 *
 * As ORION (Mahgoub et al., OSDI 2022) delays the start of each stage's instances by the distribution of what runs before it, and as Xanadu (Daw et
 * al., Middleware 2020) follows the likeliest path through branches; both from learned profiles, here for every outlook anew. Pure.
 *
 * - When: the earliest plausible start (10th percentile of the path before it) less a long cold start (90th percentile). An
 *   instance-ms idle thus counts as a ninth of a ms that somebody waits: the newsvendor's quantile.
 * - Until when: a late start (90th percentile) and half of the uncertainty more, half a minute at most. Whatever comes later
 *   finds no instance.
 * - Whether: where it runs with a chance of a half or more. With less, more instances would wait in vain than be of use; a rare branch so pays its own
 *   cold start, and a branch of two that are alike gets both.
 * - How many: as wide as the fan-out is on average, rounded up, and fewer where its calls are so short that one instance takes several in no time.
 * - Of what was never seen, nothing is known: it is ordered when something that it waits for runs, at once.
 * - In turn: as many load at a time as there are processors (`load-turns.ts`). Where more than that would have to load at the same time, the first of
 *   them begin earlier.
 */
import { forecast, MOST_WIDTH, type StepForecast } from './critical-path.ts';
import { LONGEST_TURN_MS } from './load-turns.ts';
import type { ExecutionOutlook, LookAheadPolicy, PrewarmOrder, Profiles, RunningStep } from './protocol.ts';
import { quantileMs, type Span, Z90 } from './time-span.ts';

/** As many levels of a workflow as are worth thinking about: what is farther away is planned when it is nearer. */
const HORIZON = 16;
const LEAST_CHANCE = 0.5;
/** A new thread on a busy machine. */
const DEFAULT_COLD_START_MS = { p50: 25, p90: 50 };
/** From the order to the start: a few messages, and a timer that is late by as much. */
const LEAD_MS = 2;
const SLACK_PART = 1 / 2;
const LEAST_SLACK_MS = 20;
const MOST_SLACK_MS = 30_000;
/** Of what was never seen. */
const UNKNOWN_KEPT_MS = 5_000;
/** Of an instance, by an execution: where many begin at a time, those whose calls come show how many it takes. */
const UNKNOWN_PART = 1 / 16;
/** Where calls wait no longer than this for each other, they share an instance: what a spare takes. */
const WORTH_WAITING_MS = 5;

/** What one step wants, until it is known what others of the same function want. */
interface Want {
  readonly key: string;
  readonly after: readonly string[];
  readonly target: string;
  /** Calls at a time, and how much of an instance one of them takes. */
  width: number;
  readonly part: number;
  /** How long one instance loads. */
  readonly loadMs: number;
  /** The chance that it runs and is running at any one time. */
  readonly inUse: number;
  fromMs: number;
  untilMs: number;
  /** When it begins and ends on average, from now; undefined where that is not known. */
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  readonly occupied?: true;
}

export function justInTimePolicy(processors: number): LookAheadPolicy {
  return {
    name: 'just-in-time',
    horizon: HORIZON,
    plan: (nowMs, outlook, profiles) => packed(nowMs, wantsOf(nowMs, outlook, profiles), processors).map(orderOf),
  };
}

function wantsOf(nowMs: number, outlook: ExecutionOutlook, profiles: Profiles): readonly Want[] {
  const { running, upcoming } = forecast(nowMs, outlook, profiles);
  const wants: Want[] = [];
  for (const step of upcoming) {
    const want = wantOf(nowMs, step, profiles);
    if (want) wants.push(want);
  }
  // Also what no later step of this execution wants: others' executions may.
  for (const { step, left } of running) {
    const want = occupiedBy(nowMs, step, left);
    if (want) wants.push(want);
  }
  return shared(wants);
}

function wantOf(nowMs: number, forecasted: StepForecast, profiles: Profiles): Want | undefined {
  const { step, start, run, end, chance, width, isNext } = forecasted;
  const { key, after, target } = step;
  // Chances are products of fractions. Of what begins at once, the call is on its way.
  if (target === undefined || chance < LEAST_CHANCE - 1e-9 || start?.meanMs === 0 || !(start || isNext))
    return undefined;
  const cold = profiles.target(target)?.coldStartMs ?? DEFAULT_COLD_START_MS;
  const part = run ? Math.min(1, run.meanMs / WORTH_WAITING_MS) : UNKNOWN_PART;
  const { fromMs, untilMs } = start
    ? timesOf(nowMs, start, cold.p90)
    : { fromMs: nowMs, untilMs: nowMs + UNKNOWN_KEPT_MS };
  const loadMs = Math.min(LONGEST_TURN_MS, cold.p50);
  const isRunning = start && run ? Math.min(1, (run.meanMs + cold.p50) / (untilMs - fromMs)) : 1;
  const inUse = chance * isRunning;
  // One by one: this is done for each step to come, whenever anything changes, and a spread costs more than the rest of it.
  const [startMs, endMs] = [start?.meanMs, end?.meanMs];
  return { key, after, target, width, part, loadMs, inUse, fromMs, untilMs, startMs, endMs };
}

function timesOf(nowMs: number, start: Span, coldMs: number): { readonly fromMs: number; readonly untilMs: number } {
  const leadMs = coldMs + LEAD_MS;
  const earlyMs = quantileMs(start, -Z90);
  const lateMs = quantileMs(start, Z90);
  const slackMs = Math.min(MOST_SLACK_MS, Math.max(LEAST_SLACK_MS, (lateMs - earlyMs) * SLACK_PART));
  const fromMs = nowMs + Math.max(0, earlyMs - leadMs);
  return { fromMs, untilMs: Math.max(fromMs + leadMs, nowMs + lateMs) + slackMs };
}

function occupiedBy(nowMs: number, { key, target }: RunningStep, left: Span | undefined): Want | undefined {
  if (target === undefined) return undefined;
  const leftMs = left ? quantileMs(left, Z90) : UNKNOWN_KEPT_MS;
  const inUse = Math.min(1, leftMs / WORTH_WAITING_MS);
  const untilMs = nowMs + leftMs + LEAST_SLACK_MS;
  const one = { width: 1, part: 1, loadMs: 0, inUse, fromMs: nowMs, untilMs, startMs: 0, endMs: left?.meanMs };
  return { key, after: [], target, ...one, occupied: true };
}

/**
 * Steps of the same function: those that begin together, as in a fan-out, are one want. Those that follow each other have one instance between them:
 * where their times overlap, the one that needs fewer gives way.
 */
function shared(steps: readonly Want[]): Want[] {
  const wants: Want[] = [];
  for (const step of steps) {
    const same = step.occupied ? undefined : wants.find((want) => begins(want, step));
    if (same) same.width += step.width;
    else wants.push(step);
  }
  for (const one of wants) {
    for (const next of wants) {
      if (next.target !== one.target || next === one || !follows(next, one) || next.fromMs >= one.untilMs) continue;
      if (instancesOf(one) <= instancesOf(next)) one.untilMs = Math.max(one.fromMs, next.fromMs);
      else next.fromMs = one.untilMs;
    }
  }
  return wants.filter(({ fromMs, untilMs }) => untilMs > fromMs);
}

/** At the same time as the other one, as far as can be told. */
function begins(want: Want, other: Want): boolean {
  const { target, startMs, fromMs, untilMs, occupied } = want;
  if (occupied || target !== other.target || startMs !== other.startMs) return false;
  return fromMs === other.fromMs && untilMs === other.untilMs;
}

function follows(next: Want, one: Want): boolean {
  // Turns of a loop have one name: the later one follows.
  if (next.after.includes(one.key)) return one.occupied === true || (next.startMs ?? 0) > (one.startMs ?? 0);
  return next.startMs !== undefined && one.endMs !== undefined && next.startMs >= one.endMs;
}

/**
 * From the last to the first, each on the processor that is free of those behind it for longest: where it would still load when that one has to begin,
 * it begins earlier.
 */
function packed(nowMs: number, wants: readonly Want[], processors: number): readonly Want[] {
  const busyFromMs = new Array<number>(processors).fill(Number.POSITIVE_INFINITY);
  const loading = wants.filter(({ startMs, occupied }) => startMs !== undefined && !occupied);
  for (const want of loading.sort((one, other) => other.fromMs - one.fromMs)) {
    let latest = 0;
    for (let each = 1; each < processors; each++)
      if ((busyFromMs[each] ?? 0) > (busyFromMs[latest] ?? 0)) latest = each;
    const fromMs = Math.min(want.fromMs, (busyFromMs[latest] ?? 0) - want.loadMs);
    busyFromMs[latest] = fromMs;
    want.fromMs = Math.max(nowMs, fromMs);
  }
  return wants;
}

function instancesOf({ width, part }: Want): number {
  // Widths are products of means.
  return Math.min(MOST_WIDTH, Math.max(1, Math.ceil(width * part - 1e-9)));
}

function orderOf(want: Want): PrewarmOrder {
  const { key, target, width, part, inUse, fromMs, untilMs, occupied } = want;
  const instances = instancesOf(want);
  const load = Math.min(instances, width * part) * inUse;
  const order = { functionName: target, instances, load, fromMs, untilMs, reason: `step "${key}"` };
  return occupied ? { ...order, occupied } : { ...order, inTurn: true };
}
