/**
 * The decisions of the registry, on plain data: which number comes next, whether a deploy changes anything, which aliases are allowed, and
 * what is left of a function whose records are damaged. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { checkAliasName, checkFunctionName } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import { closestName } from '../closest-name.ts';
import {
  CURRENT_ALIAS,
  type FunctionAlias,
  type FunctionDescription,
  type FunctionVersion,
  type NewVersion,
} from './protocol.ts';

/** A canary, a baseline and what is being rolled out make three; the rest is room. */
const MAX_ALIAS_TARGETS = 16;
const MAX_ALIASES = 100;
/** Versions without an alias that are kept to roll back to. 100: a month of several deploys a day. */
export const KEPT_VERSIONS = 100;

/** One function as the registry holds it: never without a version, and always with `current`. */
export interface CatalogueEntry {
  readonly versions: readonly FunctionVersion[];
  readonly aliases: readonly FunctionAlias[];
}

export function describeEntry(name: string, { versions, aliases }: CatalogueEntry): FunctionDescription {
  return { name, versions, aliases };
}

/** The current version, if a deploy of `candidate` would only repeat it. */
export function repeatedVersion(entry: CatalogueEntry | undefined, candidate: NewVersion): FunctionVersion | undefined {
  const targets = entry?.aliases.find(({ alias }) => alias === CURRENT_ALIAS)?.targets;
  if (targets?.length !== 1) return undefined;
  const current = entry?.versions.find(({ version }) => version === targets[0]?.version);
  const isSame =
    current?.artifact.hash === candidate.artifact.hash &&
    current.shape === candidate.shape &&
    isDeepStrictEqual(current.config, candidate.config);
  return isSame ? current : undefined;
}

/**
 * The entry after a deploy: the version is added and `current` goes to it alone (invariant 3). Of the versions without an alias only the
 * newest are kept; the others are `pruned`.
 */
export function withVersion(
  entry: CatalogueEntry | undefined,
  version: FunctionVersion,
): { readonly next: CatalogueEntry; readonly pruned: readonly FunctionVersion[] } {
  const current = { name: version.name, alias: CURRENT_ALIAS, targets: [{ version: version.version, weight: 1 }] };
  const aliases = withAlias(entry?.aliases ?? [], current);
  const aliased = new Set(aliases.flatMap(({ targets }) => targets.map((target) => target.version)));
  const versions = [...(entry?.versions ?? []), version];
  const free = versions.filter((each) => !aliased.has(each.version));
  const pruned = free.slice(0, Math.max(0, free.length - KEPT_VERSIONS));
  return { next: { versions: versions.filter((each) => !pruned.includes(each)), aliases }, pruned };
}

/** Replaces or adds an alias; sorted by name. */
export function withAlias(aliases: readonly FunctionAlias[], alias: FunctionAlias): readonly FunctionAlias[] {
  const others = aliases.filter((each) => each.alias !== alias.alias);
  return [...others, alias].sort((a, b) => (a.alias < b.alias ? -1 : 1));
}

/** Throws `INVALID_NAME`, `VERSION_NOT_FOUND`, `INVALID_ARGUMENT` or `OVERLOADED`. */
export function checkAlias(entry: CatalogueEntry, { name, alias, targets }: FunctionAlias): FunctionAlias {
  checkAliasName(alias);
  if (!Array.isArray(targets) || targets.length === 0 || targets.length > MAX_ALIAS_TARGETS) {
    throw new TroupeError('INVALID_ARGUMENT', `Alias "${alias}" must have 1 to ${MAX_ALIAS_TARGETS} versions.`);
  }
  const seen = new Set<number>();
  for (const { version, weight } of targets) {
    if (!Number.isFinite(weight) || weight <= 0) {
      throw new TroupeError(
        'INVALID_ARGUMENT',
        `The weight of version ${version} must be a positive number, not ${weight}.`,
      );
    }
    if (seen.has(version)) {
      throw new TroupeError('INVALID_ARGUMENT', `Alias "${alias}" has version ${version} twice; add the weights up.`);
    }
    seen.add(version);
    if (!entry.versions.some((each) => each.version === version)) throw versionNotFound(name, version, entry.versions);
  }
  if (entry.aliases.length >= MAX_ALIASES && !entry.aliases.some((each) => each.alias === alias)) {
    throw new TroupeError('OVERLOADED', `"${name}" has ${MAX_ALIASES} aliases already. Remove one first.`);
  }
  return { name, alias, targets: targets.map(({ version, weight }) => ({ version, weight })) };
}

interface RepairedEntry {
  /** Absent when no version is left. */
  readonly entry?: CatalogueEntry;
  readonly changed: readonly FunctionAlias[];
  readonly dropped: readonly FunctionAlias[];
}

/**
 * Makes a loaded function whole again (invariants 2 and 3): a target that has no version is dropped, `current` then goes to the newest
 * version that is left, and any other alias without a target is dropped.
 */
export function repairEntry(name: string, { versions, aliases }: CatalogueEntry): RepairedEntry {
  const newest = versions.at(-1);
  if (!newest) return { changed: [], dropped: aliases };
  const exists = new Set(versions.map(({ version }) => version));
  const changed: FunctionAlias[] = [];
  const dropped: FunctionAlias[] = [];
  let kept: readonly FunctionAlias[] = [];
  for (const alias of aliases) {
    const targets = alias.targets.filter(({ version }) => exists.has(version));
    if (targets.length === 0) {
      if (alias.alias !== CURRENT_ALIAS) dropped.push(alias);
      continue;
    }
    const repaired = { ...alias, targets };
    if (targets.length < alias.targets.length) changed.push(repaired);
    kept = withAlias(kept, repaired);
  }
  if (!kept.some(({ alias }) => alias === CURRENT_ALIAS)) {
    const current = { name, alias: CURRENT_ALIAS, targets: [{ version: newest.version, weight: 1 }] };
    changed.push(current);
    kept = withAlias(kept, current);
  }
  return { entry: { versions, aliases: kept }, changed, dropped };
}

/** The error for a name that is not deployed; it names the closest one that is. */
export function functionNotFound(name: string, deployed: Iterable<string>): TroupeError {
  checkFunctionName(name);
  const suggestion = closestName(name, deployed);
  const hint = suggestion ? `Did you mean "${suggestion}"?` : 'List what is with `troupe fn ls`, or deploy it.';
  return new TroupeError('FUNCTION_NOT_FOUND', `No function named "${name}" is deployed. ${hint}`, {
    details: { name, ...(suggestion !== undefined && { suggestion }) },
  });
}

export function nameTaken(name: string, holder: string): TroupeError {
  return new TroupeError(
    'NAME_TAKEN',
    `"${name}" is the name of ${holder}. Choose another one, or remove that first.`,
    {
      details: { name, holder },
    },
  );
}

function versionNotFound(name: string, version: number, versions: readonly FunctionVersion[]): TroupeError {
  const existing = versions.map((each) => each.version);
  const shown = existing.slice(-20);
  return new TroupeError(
    'VERSION_NOT_FOUND',
    `"${name}" has no version ${version}; it has ${shown.length < existing.length ? 'among others ' : ''}${shown.join(', ')}.`,
    { details: { name, version, versions: shown } },
  );
}

export function aliasNotFound(name: string, alias: string, aliases: readonly FunctionAlias[]): TroupeError {
  const existing = aliases.map((each) => each.alias);
  return new TroupeError('ALIAS_NOT_FOUND', `"${name}" has no alias "${alias}"; it has ${existing.join(', ')}.`, {
    details: { name, alias, aliases: existing },
  });
}
