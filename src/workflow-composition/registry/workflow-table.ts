/**
 * All workflows in memory, for whoever needs one without a message. The registry changes it after the disk (invariant 4); nobody else does. A version
 * is compiled when it is asked for, and then kept.
 */
import type { Language } from '../language.ts';
import {
  aliasNotFound,
  type CatalogueEntry,
  isDeployed,
  versionNotFound,
  versionOf,
  workflowNotFound,
} from './catalogue.ts';
import { compileStored } from './compiling.ts';
import { type CompiledWorkflow, CURRENT_ALIAS, type WorkflowTable, type WorkflowVersion } from './protocol.ts';

/** Compiled versions that are kept at a time; one more than that, and the one that was not asked for the longest is compiled anew when it is. */
const MAX_COMPILED = 1_000;

export class LoadedWorkflows implements WorkflowTable {
  readonly languages: readonly Language[];
  readonly #entries = new Map<string, CatalogueEntry>();
  /** By the very version, so that a number which means something else after a restart of the registry is compiled again. */
  readonly #compiled = new Map<WorkflowVersion, CompiledWorkflow>();

  /** The first language is that of files whose names say nothing. */
  constructor(languages: readonly Language[]) {
    this.languages = languages;
  }

  has(name: string): boolean {
    return isDeployed(this.#entries.get(name));
  }

  names(): readonly string[] {
    return [...this.#entries.keys()].filter((name) => this.has(name)).sort();
  }

  resolve(name: string, which: { readonly version?: number; readonly alias?: string } = {}): CompiledWorkflow {
    return this.#compile(this.#find(name, which));
  }

  /** Throws `WORKFLOW_NOT_FOUND`. */
  deployed(name: string): CatalogueEntry {
    const entry = this.#entries.get(name);
    if (!isDeployed(entry)) throw workflowNotFound(name, this.names());
    return entry;
  }

  /** Of removed ones too. */
  entry(name: string): CatalogueEntry | undefined {
    return this.#entries.get(name);
  }

  /** Those that were removed, and of which a version is left. */
  removed(): readonly string[] {
    return [...this.#entries].filter(([, entry]) => !isDeployed(entry)).map(([name]) => name);
  }

  /** In place of all there was. */
  load(entries: ReadonlyMap<string, CatalogueEntry>): void {
    this.#entries.clear();
    this.#compiled.clear();
    for (const [name, entry] of entries) this.#entries.set(name, entry);
  }

  change(name: string, entry: CatalogueEntry): void {
    for (const version of this.#entries.get(name)?.versions ?? []) {
      if (!entry.versions.includes(version)) this.#compiled.delete(version);
    }
    if (entry.versions.length > 0) this.#entries.set(name, entry);
    else this.#entries.delete(name);
  }

  /** Of a version that was compiled already. */
  keep(version: WorkflowVersion, compiled: CompiledWorkflow): void {
    this.#compiled.set(version, compiled);
    if (this.#compiled.size <= MAX_COMPILED) return;
    for (const oldest of this.#compiled.keys()) {
      this.#compiled.delete(oldest);
      return;
    }
  }

  #find(name: string, { version, alias }: { readonly version?: number; readonly alias?: string }): WorkflowVersion {
    const entry = this.#entries.get(name);
    // An execution asks by number, and may outlive its workflow.
    const retired = version === undefined ? undefined : entry && versionOf(entry, version);
    if (retired) return retired;
    const deployed = this.deployed(name);
    const wanted = version ?? deployed.aliases.get(alias ?? CURRENT_ALIAS);
    if (wanted === undefined) throw aliasNotFound(name, alias ?? CURRENT_ALIAS, deployed);
    const found = versionOf(deployed, wanted);
    if (!found) throw versionNotFound(name, wanted, deployed);
    return found;
  }

  #compile(version: WorkflowVersion): CompiledWorkflow {
    const known = this.#compiled.get(version);
    if (known) this.#compiled.delete(version);
    const compiled = known ?? compileStored(version, this.languages);
    this.keep(version, compiled);
    return compiled;
  }
}
