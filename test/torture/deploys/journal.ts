/**
 * What the tester knows of one function: what was acknowledged, and the one change that was under way when the host died. After a restart
 * the function must be as it was acknowledged, or as it would be after that change, and nothing between. Pure.
 */

export interface Target {
  readonly version: number;
  readonly weight: number;
}

export type Change =
  | { readonly kind: 'deploy'; readonly build: string }
  | { readonly kind: 'alias'; readonly alias: string; readonly targets: readonly Target[] }
  | { readonly kind: 'unalias'; readonly alias: string }
  | { readonly kind: 'remove' };

/** A function as the host lists it. */
export interface Listed {
  readonly versions: readonly number[];
  readonly aliases: Readonly<Record<string, readonly Target[]>>;
}

const KEPT_VERSIONS = 100;

export const ABSENT: Listed = { versions: [], aliases: {} };

export class Journal {
  readonly name: string;
  /** Builds by version. */
  readonly builds = new Map<number, string>();
  #state: Listed = ABSENT;
  #pending: Change | undefined;
  /** The highest version number that was ever seen; numbers are never used again, also after a removal. */
  #highest = 0;

  constructor(name: string) {
    this.name = name;
  }

  get state(): Listed {
    return this.#state;
  }

  get current(): number | undefined {
    return this.#state.aliases['current']?.[0]?.version;
  }

  begin(change: Change): void {
    this.#pending = change;
  }

  /** The host has answered. `version` belongs to a deploy. Returns what is wrong with the answer. */
  acknowledge(version?: number): string | undefined {
    const change = this.#pending;
    this.#pending = undefined;
    if (!change) return undefined;
    const isRepeated =
      change.kind === 'deploy' && this.current !== undefined && this.builds.get(this.current) === change.build;
    if (isRepeated) return version === this.current ? undefined : `the current source again became version ${version}`;
    const isReused = change.kind === 'deploy' && (version === undefined || version <= this.#highest);
    const highest = this.#highest;
    this.#take(change, version);
    return isReused ? `a deploy became version ${version} after there was ${highest}` : undefined;
  }

  /** Compares with what a restarted host lists, and goes on from there. Returns what is wrong, and whether the pending change is there. */
  reconcile(listed: Listed): { readonly wrong?: string; readonly hasLanded: boolean } {
    const change = this.#pending;
    this.#pending = undefined;
    if (isSame(listed, this.#state)) return { hasLanded: false };
    const added = listed.versions.find((version) => !this.#state.versions.includes(version));
    if (change) {
      const { after } = apply(this.#state, change, added);
      const isNumberFresh = change.kind !== 'deploy' || (added !== undefined && added > this.#highest);
      if (isNumberFresh && isSame(listed, after)) {
        this.#take(change, added);
        return { hasLanded: true };
      }
    }
    const wrong = `"${this.name}" was ${show(this.#state)}, ${change ? show(change) : 'nothing'} was under way, and now it is ${show(listed)}`;
    return { wrong, hasLanded: false };
  }

  #take(change: Change, version: number | undefined): void {
    const { after } = apply(this.#state, change, version);
    this.#state = after;
    if (change.kind !== 'deploy' || version === undefined) return;
    this.builds.set(version, change.build);
    this.#highest = Math.max(this.#highest, version);
  }
}

function apply(state: Listed, change: Change, version: number | undefined): { readonly after: Listed } {
  const { versions, aliases } = state;
  switch (change.kind) {
    case 'remove':
      return { after: ABSENT };
    case 'alias':
      return { after: { versions, aliases: { ...aliases, [change.alias]: change.targets } } };
    case 'unalias': {
      const { [change.alias]: _removed, ...others } = aliases;
      return { after: { versions, aliases: others } };
    }
    case 'deploy': {
      if (version === undefined) return { after: state };
      const current = [{ version, weight: 1 }];
      const after = { versions: [...versions, version], aliases: { ...aliases, current } };
      return { after: { ...after, versions: kept(after) } };
    }
  }
}

/** Versions with an alias, and of the others the newest: the registry's rule, stated again on purpose. */
function kept({ versions, aliases }: Listed): number[] {
  const aliased = new Set(Object.values(aliases).flatMap((targets) => targets.map(({ version }) => version)));
  const free = versions.filter((version) => !aliased.has(version)).sort((a, b) => a - b);
  const gone = new Set(free.slice(0, Math.max(0, free.length - KEPT_VERSIONS)));
  return versions.filter((version) => !gone.has(version));
}

function isSame(a: Listed, b: Listed): boolean {
  return canonical(a) === canonical(b);
}

function canonical({ versions, aliases }: Listed): string {
  const sorted = Object.entries(aliases).sort(([a], [b]) => (a < b ? -1 : 1));
  const targets = sorted.map(([alias, each]) => [alias, each.map(({ version, weight }) => [version, weight]).sort()]);
  return JSON.stringify([[...versions].sort((a, b) => a - b), targets]);
}

const show = (value: unknown): string => JSON.stringify(value);
