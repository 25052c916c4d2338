/**
 * Calls that lead to calls: which functions are called soon after another one, how often, and within what time. So when A is called, B is prepared.
 *
 * The call of a function opens a trial that lasts for one window; what is called for the first time within it has followed. A chance is an average
 * over trials, with forgetting. After the call graphs of Fission Workflows' scheduler and of ORION (Mahgoub et al., OSDI 2022), learned here from
 * when calls come, without knowing who made them. Pure but for its memory.
 */
import type { Follower, Learned } from './protocol.ts';

/** Per leader; the least likely gives way. */
const MOST_FOLLOWERS = 8;
const MOST_LEADERS = 10_000;
/** Each call is held against all trials that are open. Where more begin than that, some are left out, others the next time. */
const MOST_OPEN = 64;
/** Of the newest trial; the first few count evenly. */
const WEIGHT = 1 / 8;
/** Before that many, nothing is said. */
const LEAST_TRIALS = 3;
/** What follows more rarely is not worth being told of each call of its leader. */
const LEAST_CHANCE = 0.1;
/** Of the delays: the longest of the last, forgotten slowly. */
const DELAY_FORGETTING = 0.9;
const DELAY_MARGIN = 1.5;
/** A habit that has become this rare is none. */
const GONE = 0.01;
/** What is kept of a leader has the name of no function. */
const KEPT_AS = '>';

interface Habit {
  readonly name: string;
  chance: number;
  longestMs: number;
}

interface Leader {
  trials: number;
  habits: Habit[];
}

/** Begun at this time, and what has followed, after how long. */
interface Trial {
  readonly sinceMs: number;
  readonly followed: Map<string, number>;
}

export class Followers {
  readonly #windowMs: number;
  readonly #known = new Map<string, Leader>();
  readonly #trials = new Map<string, Trial>();
  readonly #leaders = new Set<string>();
  readonly #changed = new Set<string>();

  /** What comes later than `windowMs` has not followed. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Those that others follow. */
  get leaders(): ReadonlySet<string> {
    return this.#leaders;
  }

  called(name: string, nowMs: number): void {
    this.closeTrials(nowMs);
    for (const [leader, { sinceMs, followed }] of this.#trials) {
      if (leader === name || followed.has(name) || followed.size >= MOST_FOLLOWERS) continue;
      followed.set(name, Math.max(0, nowMs - sinceMs));
    }
    if (this.#trials.has(name) || this.#trials.size >= MOST_OPEN) return;
    if (!this.#known.has(name) && this.#known.size >= MOST_LEADERS) return;
    this.#trials.set(name, { sinceMs: nowMs, followed: new Map() });
  }

  /** Those of one function, the most likely first. */
  of(name: string): readonly Follower[] {
    const leader = this.#known.get(name);
    if (!leader || leader.trials < LEAST_TRIALS) return [];
    return leader.habits
      .filter(({ chance }) => chance >= LEAST_CHANCE)
      .map(({ name: follower, chance, longestMs }) => ({
        name: follower,
        chance,
        withinMs: Math.min(this.#windowMs, longestMs * DELAY_MARGIN + 1),
      }))
      .sort((a, b) => b.chance - a.chance);
  }

  /** Takes in what trials have shown whose window is over. */
  closeTrials(nowMs: number): void {
    for (const [name, trial] of this.#trials) {
      if (nowMs - trial.sinceMs <= this.#windowMs) continue;
      this.#trials.delete(name);
      this.#close(name, trial);
    }
  }

  forget(name: string): void {
    this.#trials.delete(name);
    if (this.#known.delete(name)) this.#changed.add(name);
    this.#leaders.delete(name);
  }

  /** What was learned since this was last asked, to be kept; nothing of those that nothing follows any more. */
  takeChanges(): Learned[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed.map((name) => ({ name: `${KEPT_AS}${name}`, state: encode(this.#known.get(name)) }));
  }

  /** Takes back what `takeChanges` gave; what cannot be read, or is of something else, changes nothing. */
  restore({ name: keptAs, state }: Learned): void {
    if (!keptAs.startsWith(KEPT_AS)) return;
    const leader = decode(state);
    if (!leader) return;
    const name = keptAs.slice(KEPT_AS.length);
    this.#known.set(name, leader);
    this.#markLeader(name);
  }

  #close(name: string, { followed }: Trial): void {
    const known = this.#known.get(name);
    // Of one that nothing follows, there is nothing to remember.
    if (!known && followed.size === 0) return;
    const leader = known ?? { trials: 0, habits: [] };
    this.#known.set(name, leader);
    this.#changed.add(name);
    learn(leader, followed);
    if (leader.habits.length === 0) this.#known.delete(name);
    this.#markLeader(name);
  }

  #markLeader(name: string): void {
    if (this.of(name).length > 0) this.#leaders.add(name);
    else this.#leaders.delete(name);
  }
}

function learn(leader: Leader, followed: ReadonlyMap<string, number>): void {
  leader.trials = Math.min(leader.trials + 1, 1 / WEIGHT);
  const weight = 1 / leader.trials;
  const known = new Set(leader.habits.map(({ name }) => name));
  for (const name of followed.keys()) if (!known.has(name)) leader.habits.push({ name, chance: 0, longestMs: 0 });
  for (const habit of leader.habits) {
    const delayMs = followed.get(habit.name);
    habit.chance += ((delayMs === undefined ? 0 : 1) - habit.chance) * weight;
    if (delayMs !== undefined) habit.longestMs = Math.max(delayMs, habit.longestMs * DELAY_FORGETTING);
  }
  leader.habits = leader.habits
    .filter(({ chance }) => chance >= GONE)
    .sort((a, b) => b.chance - a.chance)
    .slice(0, MOST_FOLLOWERS);
}

function encode(leader: Leader | undefined): Uint8Array {
  if (!leader) return new Uint8Array();
  const { trials, habits } = leader;
  return Buffer.from(JSON.stringify([trials, habits.map(({ name, chance, longestMs }) => [name, chance, longestMs])]));
}

function decode(state: Uint8Array): Leader | undefined {
  const [trials, rows] = list(parsed(state));
  const habits = list(rows).slice(0, MOST_FOLLOWERS).flatMap(habitOf);
  return isAmount(trials) && habits.length > 0 ? { trials, habits } : undefined;
}

function habitOf(row: unknown): Habit[] {
  const [name, chance, longestMs] = list(row);
  const isHabit = typeof name === 'string' && isAmount(chance) && chance <= 1 && isAmount(longestMs);
  return isHabit ? [{ name, chance, longestMs }] : [];
}

function parsed(state: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(state).toString());
  } catch {
    return undefined;
  }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
