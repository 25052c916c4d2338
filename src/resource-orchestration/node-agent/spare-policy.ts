/**
 * Decides how many spares an agent keeps, and of which class. Pure: starts, limits and free memory are arguments.
 *
 * A class is what is fixed when a worker starts: its kind and its memory limit. Classes are kept in the order in which they were last asked
 * for. Each gets a few spares; what is left of the limit goes to the classes that are asked for in bursts. An agent that has started
 * nothing keeps nothing, so a host that never deploys starts no thread.
 */
import type { WorkerKind } from './protocol.ts';

export interface SpareClass {
  readonly kind: WorkerKind;
  readonly memoryMb: number;
}

export interface SpareDemand extends SpareClass {
  readonly lastStartMs: number;
  /** Starts in the burst that the last one belongs to. */
  readonly burst: number;
  /** What bursts before it make likely: a smaller one halves it, so that what comes again finds its spares and what came once is given back. */
  readonly expected: number;
}

export interface SpareTarget extends SpareClass {
  readonly count: number;
}

export interface SpareLimits {
  /** Spares at a time, over all classes. */
  readonly maxSpares: number;
  /** What they may cost together. They are not charged to the budget of the workers. */
  readonly memoryMb: number;
}

/** Resident memory of an idle worker that has rehearsed: 12 of it are a young generation that has its memory already. */
const COST_MB = { thread: 20, process: 57 } as const satisfies Record<WorkerKind, number>;
/** Without a burst. 2 threads: a call inside a function often needs the second. 1 process: it costs as much as five threads. */
const BASE_COUNT = { thread: 2, process: 1 } as const satisfies Record<WorkerKind, number>;
/** Sizes are few in practice; a host with more of them starts the others fresh. */
const MAX_CLASSES = 4;
/** Starts closer to each other than this are one burst. */
const BURST_GAP_MS = 250;
/** Left to the rest of the machine. */
const RESERVE_MB = 256;

export function isSameClass(one: SpareClass, other: SpareClass): boolean {
  return one.kind === other.kind && one.memoryMb === other.memoryMb;
}

/** The demands after one more start, latest class first. */
export function noteStart(
  demands: readonly SpareDemand[],
  { kind, memoryMb }: SpareClass,
  nowMs: number,
): readonly SpareDemand[] {
  const before = demands.find((demand) => isSameClass(demand, { kind, memoryMb }));
  const isSameBurst = before !== undefined && nowMs - before.lastStartMs <= BURST_GAP_MS;
  const [burst, expected] = isSameBurst ? [before.burst + 1, before.expected] : [1, before ? expectedAfter(before) : 1];
  const latest: SpareDemand = { kind, memoryMb, lastStartMs: nowMs, burst, expected };
  return [latest, ...demands.filter((demand) => demand !== before)].slice(0, MAX_CLASSES);
}

function expectedAfter({ burst, expected }: SpareDemand): number {
  return Math.max(burst, Math.ceil(expected / 2));
}

export function isInBurst([latest]: readonly SpareDemand[], nowMs: number): boolean {
  return latest !== undefined && nowMs - latest.lastStartMs <= BURST_GAP_MS;
}

/** What the burst under way is still going to take: starting more meanwhile would hold up those that it starts. */
export function restOfBurst(demands: readonly SpareDemand[]): readonly SpareDemand[] {
  return demands.map((demand) => ({ ...demand, burst: 0, expected: demand.expected - demand.burst }));
}

/** What to keep of each class, latest first; classes that are not named keep nothing. */
export function spareTargets(demands: readonly SpareDemand[], limits: SpareLimits): readonly SpareTarget[] {
  let { maxSpares, memoryMb } = limits;
  const counts = demands.map(() => 0);
  const give = (index: number, upTo: number) => {
    const demand = demands[index];
    if (!demand) return;
    const missing = Math.max(0, upTo - (counts[index] ?? 0));
    const given = Math.min(missing, maxSpares, Math.floor(memoryMb / COST_MB[demand.kind]));
    counts[index] = (counts[index] ?? 0) + given;
    maxSpares -= given;
    memoryMb -= given * COST_MB[demand.kind];
  };
  demands.forEach(({ kind }, index) => {
    give(index, BASE_COUNT[kind]);
  });
  demands.forEach(({ burst, expected }, index) => {
    give(index, Math.max(burst, expected));
  });
  return demands.map(({ kind, memoryMb: classMb }, index) => ({ kind, memoryMb: classMb, count: counts[index] ?? 0 }));
}

/** Whether the machine has room for one more. */
export function isAffordable({ kind }: SpareClass, availableMb: number): boolean {
  return availableMb >= RESERVE_MB + COST_MB[kind];
}
