/**
 * The decisions of the workflow registry, on plain data: which names and aliases are allowed, which versions may go, what is left of a workflow whose
 * records are damaged. Pure.
 */
import { checkAliasName, checkFunctionName } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import { closestName } from '../../function-management/closest-name.ts';
import { CURRENT_ALIAS, type WorkflowDescription, type WorkflowVersion } from './protocol.ts';

const MAX_ALIASES = 100;
/** Versions without an alias that are kept to roll back to. 100: as many as of a function. */
export const KEPT_VERSIONS = 100;
/** 1 MiB: a thousand tasks are a tenth of it. */
export const MAX_SOURCE_BYTES = 1_048_576;

/** One workflow as the registry holds it. Without `current` it was removed: what versions it has are for executions that need them. */
export interface CatalogueEntry {
  /** In order of their numbers. */
  readonly versions: readonly WorkflowVersion[];
  readonly aliases: ReadonlyMap<string, number>;
}

export type InUse = (name: string, version: number) => boolean;

export function isDeployed(entry: CatalogueEntry | undefined): entry is CatalogueEntry {
  return entry?.aliases.has(CURRENT_ALIAS) ?? false;
}

export function describeEntry(name: string, { versions, aliases }: CatalogueEntry): WorkflowDescription {
  return { name, versions, aliases: Object.fromEntries([...aliases].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

export function versionOf({ versions }: CatalogueEntry, number: number): WorkflowVersion | undefined {
  return versions.findLast(({ version }) => version === number);
}

/** The current version, if a deploy would only repeat it. */
export function repeatedVersion(
  entry: CatalogueEntry | undefined,
  { sha256, language }: Pick<WorkflowVersion, 'sha256' | 'language'>,
): WorkflowVersion | undefined {
  const current = entry && versionOf(entry, entry.aliases.get(CURRENT_ALIAS) ?? 0);
  return current?.sha256 === sha256 && current.language === language ? current : undefined;
}

/** The version is added, and `current` goes to it (invariant 3). */
export function withVersion(entry: CatalogueEntry | undefined, version: WorkflowVersion): CatalogueEntry {
  const aliases = new Map(entry?.aliases).set(CURRENT_ALIAS, version.version);
  return { versions: [...(entry?.versions ?? []), version], aliases };
}

/** What may go: of a removed workflow everything, else versions without an alias beyond the newest; never what an execution needs (invariant 6). */
export function prunable(name: string, entry: CatalogueEntry, inUse: InUse): readonly WorkflowVersion[] {
  const aliased = new Set(entry.aliases.values());
  const free = entry.versions.filter(({ version }) => !aliased.has(version));
  const kept = isDeployed(entry) ? KEPT_VERSIONS : 0;
  return free.slice(0, Math.max(0, free.length - kept)).filter(({ version }) => !inUse(name, version));
}

/** Throws `INVALID_NAME`, `VERSION_NOT_FOUND` or `OVERLOADED`. */
export function withAlias(
  entry: CatalogueEntry,
  { name, alias, version }: { readonly name: string; readonly alias: string; readonly version: number },
): CatalogueEntry {
  checkAliasName(alias);
  if (!versionOf(entry, version)) throw versionNotFound(name, version, entry);
  if (entry.aliases.size >= MAX_ALIASES && !entry.aliases.has(alias)) {
    throw new TroupeError('OVERLOADED', `"${name}" has ${MAX_ALIASES} aliases already. Remove one first.`);
  }
  return { ...entry, aliases: new Map(entry.aliases).set(alias, version) };
}

/** Throws `CONFLICT` or `ALIAS_NOT_FOUND`. */
export function withoutAlias(entry: CatalogueEntry, name: string, alias: string): CatalogueEntry {
  if (alias === CURRENT_ALIAS) {
    throw new TroupeError(
      'CONFLICT',
      `"${CURRENT_ALIAS}" cannot be removed: a start of "${name}" without a version goes there. Move it to another version, or remove the workflow.`,
    );
  }
  if (!entry.aliases.has(alias)) throw aliasNotFound(name, alias, entry);
  return { ...entry, aliases: new Map([...entry.aliases].filter(([each]) => each !== alias)) };
}

interface RepairedEntry {
  readonly entry: CatalogueEntry;
  /** Aliases that lead elsewhere now, or nowhere. */
  readonly moved: readonly string[];
  readonly dropped: readonly string[];
}

/** Makes a loaded workflow whole again: an alias without its version goes, but `current` goes to the newest one that is left (invariant 5). */
export function repairEntry({ versions, aliases }: CatalogueEntry, isRemoved: boolean): RepairedEntry {
  const newest = versions.at(-1);
  const kept = new Map<string, number>();
  const dropped: string[] = [];
  for (const [alias, version] of aliases) {
    if (!isRemoved && versionOf({ versions, aliases }, version)) kept.set(alias, version);
    else if (isRemoved || alias !== CURRENT_ALIAS || !newest) dropped.push(alias);
  }
  const lacksCurrent = !isRemoved && newest !== undefined && !kept.has(CURRENT_ALIAS);
  if (lacksCurrent) kept.set(CURRENT_ALIAS, newest.version);
  return { entry: { versions, aliases: kept }, moved: lacksCurrent ? [CURRENT_ALIAS] : [], dropped };
}

/** The error for a name that is not deployed; it names the closest one that is. */
export function workflowNotFound(name: string, deployed: Iterable<string>): TroupeError {
  checkFunctionName(name, 'workflow');
  const suggestion = closestName(name, deployed);
  const hint = suggestion ? `Did you mean "${suggestion}"?` : 'List what is with `troupe wf ls`, or deploy it.';
  return new TroupeError('WORKFLOW_NOT_FOUND', `No workflow named "${name}" is deployed. ${hint}`, {
    details: { name, ...(suggestion !== undefined && { suggestion }) },
  });
}

export function versionNotFound(name: string, version: number, { versions }: CatalogueEntry): TroupeError {
  const existing = versions.map((each) => each.version);
  const shown = existing.slice(-20);
  return new TroupeError(
    'VERSION_NOT_FOUND',
    `Workflow "${name}" has no version ${version}; it has ${shown.length < existing.length ? 'among others ' : ''}${shown.join(', ')}.`,
    { details: { name, version, versions: shown } },
  );
}

export function aliasNotFound(name: string, alias: string, entry: CatalogueEntry): TroupeError {
  const existing = [...entry.aliases.keys()].sort();
  return new TroupeError(
    'ALIAS_NOT_FOUND',
    `Workflow "${name}" has no alias "${alias}"; it has ${existing.join(', ')}.`,
    {
      details: { name, alias, aliases: existing },
    },
  );
}
