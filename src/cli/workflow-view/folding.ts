/**
 * The steps as a tree of items: dynamic steps stand under the one in whose place they run, and many that are alike are one item. Alike are
 * steps in the same place of the graph whose names differ in numbers only. Pure.
 */
import { type ShownStep, type StepState, stateOfAll } from './steps.ts';

export interface Item {
  readonly name: string;
  readonly label: string;
  /** Those before it, as places in the list that it is in. */
  readonly after: readonly number[];
  /** More than one where it is folded. */
  readonly steps: readonly ShownStep[];
  /** Of each of the steps, with those in its place. */
  readonly states: readonly StepState[];
  readonly children: readonly Item[];
}

/** So many that are alike are still shown one by one. */
const MOST_ALIKE = 6;

export function itemsOf(steps: readonly ShownStep[]): Item[] {
  const scopes = new Map<string | undefined, ShownStep[]>();
  for (const step of steps) {
    const scope = scopes.get(step.within);
    if (scope) scope.push(step);
    else scopes.set(step.within, [step]);
  }
  return new Folding(steps, scopes).items(undefined);
}

class Folding {
  readonly #byStep: ReadonlyMap<string, ShownStep>;
  readonly #scopes: ReadonlyMap<string | undefined, readonly ShownStep[]>;
  readonly #states = new Map<string, StepState>();

  constructor(steps: readonly ShownStep[], scopes: ReadonlyMap<string | undefined, readonly ShownStep[]>) {
    this.#byStep = new Map(steps.map((step) => [step.step, step]));
    this.#scopes = scopes;
  }

  items(within: string | undefined): Item[] {
    const scope = this.#scopes.get(within) ?? [];
    const before = scope.map((step) => this.#before(step));
    const groups = grouped(scope, before);
    const groupOf = new Map(groups.flatMap((group, index) => group.map(({ step }) => [step, index] as const)));
    const beforeOf = new Map(scope.map(({ step }, index) => [step, before[index] ?? []] as const));
    return groups.map((group) => {
      const after = new Set(
        group.flatMap(({ step }) => beforeOf.get(step) ?? []).map((each) => groupOf.get(each) ?? 0),
      );
      const [first, last] = [group[0], group.at(-1)];
      return {
        name: first === last ? (first?.name ?? '') : `${first?.name} … ${last?.name}`,
        label: first?.label ?? '',
        after: [...after],
        steps: group,
        states: group.map((step) => this.#stateOf(step)),
        children: first && first === last ? this.items(first.step) : [],
      };
    });
  }

  /** Names of the steps of its own scope that it follows: of one in another place, the one in whose place that is. */
  #before({ step, within, after }: ShownStep): string[] {
    const before = new Set<string>();
    for (const name of after) {
      let other = this.#byStep.get(name);
      while (other && other.within !== within) {
        other = other.within === undefined ? undefined : this.#byStep.get(other.within);
      }
      if (other && other.step !== step) before.add(other.step);
    }
    return [...before];
  }

  #stateOf(step: ShownStep): StepState {
    const known = this.#states.get(step.step);
    if (known) return known;
    const inside = (this.#scopes.get(step.step) ?? []).map((each) => this.#stateOf(each));
    // What is still to come in its place says nothing of it.
    const state = stateOfAll([step.state, ...inside.filter((each) => each !== 'not started')]);
    this.#states.set(step.step, state);
    return state;
  }
}

/** In the order of their first steps. Of one depth, no group leads to itself, nor in a circle. */
function grouped(scope: readonly ShownStep[], before: readonly (readonly string[])[]): ShownStep[][] {
  const kindOf = new Map(scope.map(({ step, name, label }) => [step, `${kind(name)}\n${kind(label)}`]));
  const depths = depthsOf(scope, before);
  const following = new Map<string, Set<string>>();
  for (const [index, names] of before.entries()) {
    const own = kindOf.get(scope[index]?.step ?? '') ?? '';
    for (const name of names) following.set(name, (following.get(name) ?? new Set()).add(own));
  }
  const groups = new Map<string, ShownStep[]>();
  for (const [index, step] of scope.entries()) {
    const kindsBefore = new Set(before[index]?.map((name) => kindOf.get(name)));
    const kindsAfter = following.get(step.step) ?? [];
    const key = JSON.stringify([kindOf.get(step.step), depths[index], [...kindsBefore].sort(), [...kindsAfter].sort()]);
    const group = groups.get(key);
    if (group) group.push(step);
    else groups.set(key, [step]);
  }
  return [...groups.values()].flatMap((group) => (group.length > MOST_ALIKE ? [group] : group.map((step) => [step])));
}

function kind(text: string): string {
  return text.replaceAll(/\d+/g, '#');
}

/** The longest way to each from a beginning; of those in a circle, as far as one gets. */
function depthsOf(scope: readonly ShownStep[], before: readonly (readonly string[])[]): number[] {
  const indexOf = new Map(scope.map(({ step }, index) => [step, index]));
  const after: number[][] = scope.map(() => []);
  const missing = before.map((names) => names.length);
  for (const [index, names] of before.entries()) for (const name of names) after[indexOf.get(name) ?? 0]?.push(index);
  const depths = scope.map(() => 0);
  const ready = [...missing.keys()].filter((index) => missing[index] === 0);
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    for (const other of after[next] ?? []) {
      depths[other] = Math.max(depths[other] ?? 0, (depths[next] ?? 0) + 1);
      missing[other] = (missing[other] ?? 0) - 1;
      if (missing[other] === 0) ready.push(other);
    }
  }
  return depths;
}
