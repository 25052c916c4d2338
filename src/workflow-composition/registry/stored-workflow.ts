/** Workflows as they are on disk. A record that cannot be understood is left out and reported; the others load (invariant 5). */
import { z } from 'zod';
import { workflowKeys } from '../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../store/protocol.ts';
import { type CatalogueEntry, repairEntry } from './catalogue.ts';
import type { WorkflowVersion } from './protocol.ts';

const storedVersion = z.object({
  language: z.string(),
  source: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAtMs: z.number(),
});
const storedNumber = z.number().int().min(0);

interface Loaded {
  /** Of removed ones too, where an execution may need them. */
  readonly entries: ReadonlyMap<string, CatalogueEntry>;
  /** The highest version number ever given out, per name; removed workflows included. */
  readonly counters: ReadonlyMap<string, number>;
  /** What makes the store agree with `entries`. */
  readonly repairs: readonly Operation[];
  /** What was found wrong, for people. */
  readonly faults: readonly string[];
}

export function putVersion({ name, version, language, source, sha256, createdAtMs }: WorkflowVersion): Operation {
  const value: z.input<typeof storedVersion> = { language, source, sha256, createdAtMs };
  return { kind: 'put', key: workflowKeys.version(name, version), value, expect: 'absent' };
}

export function deleteVersion({ name, version }: Pick<WorkflowVersion, 'name' | 'version'>): Operation {
  return { kind: 'delete', key: workflowKeys.version(name, version) };
}

export function putAlias(name: string, alias: string, version: number): Operation {
  return { kind: 'put', key: workflowKeys.alias(name, alias), value: version };
}

export function deleteAlias(name: string, alias: string): Operation {
  return { kind: 'delete', key: workflowKeys.alias(name, alias) };
}

export function putCounter(name: string, counter: number): Operation {
  return { kind: 'put', key: workflowKeys.counter(name), value: counter };
}

export function putRemoved(name: string): Operation {
  return { kind: 'put', key: workflowKeys.removed(name), value: true };
}

export function deleteRemoved(name: string): Operation {
  return { kind: 'delete', key: workflowKeys.removed(name) };
}

/** Reads everything. What the store itself has quarantined is absent here, and shows as an alias without its version. */
export function loadWorkflows(store: KeyValueStore): Loaded {
  const faults: string[] = [];
  const versions = loadVersions(store, faults);
  const aliases = loadAliases(store, faults);
  const removed = new Set([...store.range({ prefix: workflowKeys.removals })].map(({ key }) => String(key[1])));
  const entries = new Map<string, CatalogueEntry>();
  const repairs: Operation[] = [];
  for (const name of new Set([...versions.keys(), ...aliases.keys()])) {
    const loaded = { versions: versions.get(name) ?? [], aliases: aliases.get(name) ?? new Map<string, number>() };
    const { entry, moved, dropped } = repairEntry(loaded, removed.has(name));
    if (entry.versions.length > 0) entries.set(name, entry);
    for (const alias of moved) {
      const to = entry.aliases.get(alias) ?? 0;
      faults.push(`Alias "${alias}" of workflow "${name}" led to a missing version; it now leads to ${to}.`);
      repairs.push(putAlias(name, alias, to));
    }
    for (const alias of dropped) {
      faults.push(`Alias "${alias}" of workflow "${name}" led to a missing version; it is dropped.`);
      repairs.push(deleteAlias(name, alias));
    }
  }
  return { entries, counters: loadCounters(store, versions), repairs, faults };
}

function loadVersions(store: KeyValueStore, faults: string[]): Map<string, WorkflowVersion[]> {
  const versions = new Map<string, WorkflowVersion[]>();
  for (const { key, value } of store.range({ prefix: workflowKeys.versions })) {
    const [name, version] = [String(key[1]), Number(key[2])];
    const stored = storedVersion.safeParse(value);
    if (stored.success) versions.set(name, [...(versions.get(name) ?? []), { name, version, ...stored.data }]);
    else
      faults.push(
        `Version ${version} of workflow "${name}" cannot be understood and is left out: ${describe(stored.error)}`,
      );
  }
  return versions;
}

function loadAliases(store: KeyValueStore, faults: string[]): Map<string, Map<string, number>> {
  const aliases = new Map<string, Map<string, number>>();
  for (const { key, value } of store.range({ prefix: workflowKeys.aliases })) {
    const [name, alias] = [String(key[1]), String(key[2])];
    const stored = storedNumber.safeParse(value);
    if (stored.success) aliases.set(name, (aliases.get(name) ?? new Map<string, number>()).set(alias, stored.data));
    else
      faults.push(
        `Alias "${alias}" of workflow "${name}" cannot be understood and is left out: ${describe(stored.error)}`,
      );
  }
  return aliases;
}

/** A damaged counter falls back to the highest version that is left. */
function loadCounters(store: KeyValueStore, versions: ReadonlyMap<string, WorkflowVersion[]>): Map<string, number> {
  const counters = new Map<string, number>();
  for (const { key, value } of store.range({ prefix: workflowKeys.counters })) {
    const stored = storedNumber.safeParse(value);
    if (stored.success) counters.set(String(key[1]), stored.data);
  }
  for (const [name, list] of versions) {
    counters.set(name, Math.max(counters.get(name) ?? 0, ...list.map(({ version }) => version)));
  }
  return counters;
}

function describe(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
