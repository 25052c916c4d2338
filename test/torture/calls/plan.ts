/** Everything that a round will do, drawn from its seed before it begins: what happens later does not change what is drawn. */
import { type Random, seededRandom } from '../../../src/kernel/random.ts';
import { between, pick, shuffled } from '../support/chance.ts';
import { type KillKind, TARGETS, type Target } from './targets.ts';

export const CALLS = 2_000;
export const DEPLOYS = 20;
export const KILLS = 10;

export interface PlannedCall {
  readonly target: Target;
  readonly ms: number;
  readonly chunks: number;
}

/** `afterCalls`: it happens once so many calls have begun. */
export interface PlannedDeploy {
  readonly afterCalls: number;
  readonly target: Target;
  readonly change: 'new' | 'same' | 'earlier';
}

export interface PlannedKill {
  readonly afterCalls: number;
  readonly kind: KillKind;
  readonly target: Target;
}

export interface Plan {
  readonly agent: 'inline' | 'process';
  readonly calls: readonly PlannedCall[];
  readonly deploys: readonly PlannedDeploy[];
  readonly kills: readonly PlannedKill[];
}

export function planRound(seed: number): Plan {
  const random = seededRandom(seed);
  const agent = seed % 2 === 0 ? 'inline' : 'process';
  const lottery = TARGETS.flatMap((target) => new Array<Target>(target.share).fill(target));
  return {
    agent,
    calls: Array.from({ length: CALLS }, () => {
      const target = pick(random, lottery);
      return { target, ms: Math.floor(random() ** 2 * target.longestMs), chunks: between(random, 0, 8) };
    }),
    deploys: spread(random, DEPLOYS, () => ({
      target: pick(random, TARGETS),
      change: pick(random, ['new', 'new', 'new', 'same', 'earlier'] as const),
    })),
    kills: planKills(random, agent),
  };
}

/** Killing the agent takes every function down, so a round has it once. */
function planKills(random: Random, agent: Plan['agent']): PlannedKill[] {
  // A loop burns a core until its instance is given up, more than a second where calls share it: so it is the rarer one.
  const times = (kind: KillKind) => (kind === 'loop' ? 1 : 2);
  const single = TARGETS.flatMap((target) =>
    target.kills.flatMap((kind) => new Array<KillKind>(times(kind)).fill(kind).map((each) => ({ target, kind: each }))),
  );
  const first = single[0];
  const always = agent === 'process' && first ? [{ target: first.target, kind: 'agent' as const }] : [];
  const others = Array.from({ length: KILLS - always.length }, () => pick(random, single));
  const order = shuffled(random, [...always, ...others]);
  return spread(random, KILLS, (index) => order[index] ?? pick(random, single));
}

/** So many events at even distances, each somewhere in the first half of its own stretch. */
function spread<T>(random: Random, count: number, draw: (index: number) => T): (T & { readonly afterCalls: number })[] {
  return Array.from({ length: count }, (_, index) => ({
    ...draw(index),
    afterCalls: Math.floor(((index + random() / 2) * CALLS) / count),
  }));
}
