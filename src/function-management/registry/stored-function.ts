/**
 * Functions as they are on disk. An artifact is stored as its hash and its file names, never as a path, so that a data directory may be
 * moved. A record that cannot be understood is left out and reported; the others load (invariant 5).
 */
import { join, relative } from 'node:path';
import { z } from 'zod';
import { resolveFunctionConfig } from '../../config.ts';
import { functionKeys } from '../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../store/protocol.ts';
import type { Artifact } from '../builder/protocol.ts';
import { type CatalogueEntry, repairEntry } from './catalogue.ts';
import type { FunctionAlias, FunctionVersion } from './protocol.ts';

const storedVersion = z.object({
  artifact: z.object({
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    format: z.enum(['script', 'module', 'exec']),
    entry: z.string(),
    sourceMap: z.string().optional(),
    bytes: z.number(),
  }),
  shape: z.enum(['value', 'stream', 'fetch', 'exec']),
  // Resolved anew when loaded: an option that is younger than the record gets its default.
  config: z.record(z.string(), z.unknown()),
  createdAtMs: z.number(),
});
const storedAlias = z.object({ targets: z.array(z.object({ version: z.number(), weight: z.number() })).min(1) });
const storedCounter = z.number().int().min(0);

interface Loaded {
  readonly entries: ReadonlyMap<string, CatalogueEntry>;
  /** The highest version number ever given out, per name; removed functions included. */
  readonly counters: ReadonlyMap<string, number>;
  /** What makes the store agree with `entries`. */
  readonly repairs: readonly Operation[];
  /** What was found wrong, for people. */
  readonly faults: readonly string[];
}

export function putVersion(version: FunctionVersion): Operation {
  const { artifact, shape, config, createdAtMs } = version;
  const { hash, format, bytes, directory, sourceMap } = artifact;
  const stored: z.input<typeof storedVersion> = {
    artifact: {
      hash,
      format,
      bytes,
      entry: relative(directory, artifact.entry),
      ...(sourceMap !== undefined && { sourceMap: relative(directory, sourceMap) }),
    },
    shape,
    config,
    createdAtMs,
  };
  return { kind: 'put', key: functionKeys.version(version.name, version.version), value: stored, expect: 'absent' };
}

export function deleteVersion({ name, version }: Pick<FunctionVersion, 'name' | 'version'>): Operation {
  return { kind: 'delete', key: functionKeys.version(name, version) };
}

export function putAlias({ name, alias, targets }: FunctionAlias): Operation {
  return { kind: 'put', key: functionKeys.alias(name, alias), value: { targets } };
}

export function deleteAlias({ name, alias }: Pick<FunctionAlias, 'name' | 'alias'>): Operation {
  return { kind: 'delete', key: functionKeys.alias(name, alias) };
}

export function putCounter(name: string, counter: number): Operation {
  return { kind: 'put', key: functionKeys.counter(name), value: counter };
}

/** Reads everything. What the store itself has quarantined is absent here, and shows as an alias without its version. */
export function loadFunctions(store: KeyValueStore, artifactsDirectory: string): Loaded {
  const faults: string[] = [];
  const versions = loadVersions(store, artifactsDirectory, faults);
  const aliases = loadAliases(store, faults);
  const counters = loadCounters(store, versions);
  const entries = new Map<string, CatalogueEntry>();
  const repairs: Operation[] = [];
  for (const name of new Set([...versions.keys(), ...aliases.keys()])) {
    const { entry, changed, dropped } = repairEntry(name, {
      versions: versions.get(name) ?? [],
      aliases: aliases.get(name) ?? [],
    });
    if (entry) entries.set(name, entry);
    for (const alias of changed) {
      const to = alias.targets.map(({ version }) => version).join(', ');
      faults.push(`Alias "${alias.alias}" of "${name}" pointed to a missing version; it now points to ${to}.`);
      repairs.push(putAlias(alias));
    }
    for (const alias of dropped) {
      faults.push(`Alias "${alias.alias}" of "${name}" pointed to missing versions only; it is dropped.`);
      repairs.push(deleteAlias(alias));
    }
  }
  return { entries, counters, repairs, faults };
}

function loadVersions(
  store: KeyValueStore,
  artifactsDirectory: string,
  faults: string[],
): Map<string, FunctionVersion[]> {
  const versions = new Map<string, FunctionVersion[]>();
  for (const { key, value } of store.range({ prefix: functionKeys.versions })) {
    const name = String(key[1]);
    const version = Number(key[2]);
    try {
      const stored = storedVersion.parse(value);
      listOf(versions, name).push({
        name,
        version,
        artifact: locate(stored.artifact, artifactsDirectory),
        shape: stored.shape,
        config: resolveFunctionConfig(stored.config),
        createdAtMs: stored.createdAtMs,
      });
    } catch (error) {
      faults.push(`Version ${version} of "${name}" cannot be understood and is left out: ${describe(error)}`);
    }
  }
  return versions;
}

function loadAliases(store: KeyValueStore, faults: string[]): Map<string, FunctionAlias[]> {
  const aliases = new Map<string, FunctionAlias[]>();
  for (const { key, value } of store.range({ prefix: functionKeys.aliases })) {
    const name = String(key[1]);
    const alias = String(key[2]);
    const stored = storedAlias.safeParse(value);
    if (stored.success) listOf(aliases, name).push({ name, alias, targets: stored.data.targets });
    else faults.push(`Alias "${alias}" of "${name}" cannot be understood and is left out: ${describe(stored.error)}`);
  }
  return aliases;
}

/** A damaged counter falls back to the highest version that is left. */
function loadCounters(store: KeyValueStore, versions: ReadonlyMap<string, FunctionVersion[]>): Map<string, number> {
  const counters = new Map<string, number>();
  for (const { key, value } of store.range({ prefix: functionKeys.counters })) {
    const stored = storedCounter.safeParse(value);
    if (stored.success) counters.set(String(key[1]), stored.data);
  }
  for (const [name, list] of versions) {
    counters.set(name, Math.max(counters.get(name) ?? 0, ...list.map(({ version }) => version)));
  }
  return counters;
}

function locate(stored: z.output<typeof storedVersion>['artifact'], artifactsDirectory: string): Artifact {
  const { hash, format, bytes, entry, sourceMap } = stored;
  const directory = join(artifactsDirectory, hash);
  return {
    hash,
    directory,
    format,
    entry: join(directory, entry),
    ...(sourceMap !== undefined && { sourceMap: join(directory, sourceMap) }),
    bytes,
  };
}

function listOf<T>(map: Map<string, T[]>, name: string): T[] {
  const known = map.get(name) ?? [];
  map.set(name, known);
  return known;
}

function describe(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  return error instanceof Error ? error.message : String(error);
}
