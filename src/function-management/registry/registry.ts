/**
 * F1, the function registry: which versions and aliases each function has. Everything is in memory, loaded at start, and every change is on
 * disk before it is in memory, before it is answered and before anyone hears of it (invariants 1 and 4). Changes come one at a time,
 * because the actor holds its mailbox while it writes.
 */
import { checkFunctionName } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ActorDefinition, Handlers, ReplyOf } from '../../kernel/protocol.ts';
import type { KeyValueStore, Operation } from '../../store/protocol.ts';
import {
  aliasNotFound,
  type CatalogueEntry,
  checkAlias,
  describeEntry,
  functionNotFound,
  nameTaken,
  repeatedVersion,
  withAlias,
  withVersion,
} from './catalogue.ts';
import {
  CURRENT_ALIAS,
  type FunctionAlias,
  type FunctionDescription,
  type FunctionVersion,
  type NewVersion,
  type RegistryListener,
  type RegistryMessages,
} from './protocol.ts';
import { deleteAlias, deleteVersion, loadFunctions, putAlias, putCounter, putVersion } from './stored-function.ts';

export interface RegistryOptions {
  /** The database `functions`. */
  readonly store: KeyValueStore;
  /** Where artifacts lie, each in a directory named after its hash. */
  readonly artifactsDirectory: string;
  /** Told of every function at start, then of every change. */
  readonly listeners: readonly RegistryListener[];
  readonly clock: Clock;
  /** What else has a name, as in "a workflow"; no function may have it then. Asked at each deploy. */
  readonly isTaken?: (name: string) => string | undefined;
  /** Called at start with each thing that was found wrong in the store and mended; a sentence for people. */
  readonly onFault?: (fault: string) => void;
}

export function registryActor(options: RegistryOptions): ActorDefinition<RegistryMessages> {
  return { name: 'registry', start: () => new Registry(options).start() };
}

class Registry {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, CatalogueEntry>();
  readonly #counters = new Map<string, number>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  async start(): Promise<Handlers<RegistryMessages>> {
    const { store, artifactsDirectory, onFault } = this.#options;
    const { entries, counters, repairs, faults } = loadFunctions(store, artifactsDirectory);
    for (const [name, entry] of entries) this.#entries.set(name, entry);
    for (const [name, counter] of counters) this.#counters.set(name, counter);
    for (const fault of faults) onFault?.(fault);
    // A disk that takes no writes must not keep what can be read from being served: the next start mends it again.
    if (repairs.length > 0)
      await store.commit(repairs).catch((error: unknown) => onFault?.(`Not mended on disk: ${error}`));
    for (const name of this.#entries.keys()) this.#announce(name);
    return {
      register: (candidate) => this.#register(candidate),
      setAlias: (alias) => this.#setAlias(alias),
      removeAlias: (alias) => this.#removeAlias(alias),
      remove: ({ name }) => this.#remove(name),
      describe: ({ name }) => describeEntry(name, this.#entry(name)),
      list: () => this.#list(),
    };
  }

  async #register(candidate: NewVersion): Promise<ReplyOf<RegistryMessages, 'register'>> {
    const { name, artifact, shape, config } = candidate;
    checkFunctionName(name);
    const holder = this.#options.isTaken?.(name);
    if (holder !== undefined) throw nameTaken(name, holder);
    const entry = this.#entries.get(name);
    const repeated = repeatedVersion(entry, candidate);
    if (repeated) return { version: repeated, isNew: false, pruned: [] };
    const number = (this.#counters.get(name) ?? 0) + 1;
    const createdAtMs = this.#options.clock.wallMs();
    const version: FunctionVersion = { name, version: number, artifact, shape, config, createdAtMs };
    const { next, pruned } = withVersion(entry, version);
    const current = next.aliases.filter(({ alias }) => alias === CURRENT_ALIAS);
    await this.#commit([
      putVersion(version),
      ...current.map(putAlias),
      putCounter(name, number),
      ...pruned.map(deleteVersion),
    ]);
    this.#counters.set(name, number);
    this.#change(name, next);
    return { version, isNew: true, pruned };
  }

  async #setAlias(wanted: FunctionAlias): Promise<FunctionAlias> {
    const entry = this.#entry(wanted.name);
    const alias = checkAlias(entry, wanted);
    await this.#commit([putAlias(alias)]);
    this.#change(alias.name, { ...entry, aliases: withAlias(entry.aliases, alias) });
    return alias;
  }

  async #removeAlias({ name, alias }: { readonly name: string; readonly alias: string }): Promise<undefined> {
    const entry = this.#entry(name);
    if (alias === CURRENT_ALIAS) {
      throw new TroupeError(
        'CONFLICT',
        `"${CURRENT_ALIAS}" cannot be removed: calls of "${name}" without a version go there. Move it to another version, or remove the function.`,
      );
    }
    if (!entry.aliases.some((each) => each.alias === alias)) throw aliasNotFound(name, alias, entry.aliases);
    await this.#commit([deleteAlias({ name, alias })]);
    this.#change(name, { ...entry, aliases: entry.aliases.filter((each) => each.alias !== alias) });
  }

  /** The counter stays, so that a number never means two versions (invariant 2). */
  async #remove(name: string): Promise<ReplyOf<RegistryMessages, 'remove'>> {
    const { versions, aliases } = this.#entry(name);
    await this.#commit([...versions.map(deleteVersion), ...aliases.map(deleteAlias)]);
    this.#entries.delete(name);
    for (const listener of this.#options.listeners) listener.functionRemoved(name);
    return { removed: versions };
  }

  #list(): readonly FunctionDescription[] {
    const names = [...this.#entries.keys()].sort();
    return names.map((name) => describeEntry(name, this.#entry(name)));
  }

  #entry(name: string): CatalogueEntry {
    const entry = this.#entries.get(name);
    if (!entry) throw functionNotFound(name, this.#entries.keys());
    return entry;
  }

  async #commit(operations: readonly Operation[]): Promise<void> {
    const outcome = await this.#options.store.commit(operations);
    if (outcome.kind === 'committed') return;
    // Nobody else writes here; the memory is stale, and a failed actor starts again from the store.
    throw new TroupeError('INTERNAL', `The registry met a record it does not know: ${outcome.key.join('/')}.`);
  }

  #change(name: string, entry: CatalogueEntry): void {
    this.#entries.set(name, entry);
    this.#announce(name);
  }

  #announce(name: string): void {
    const description = describeEntry(name, this.#entry(name));
    for (const listener of this.#options.listeners) listener.functionChanged(description);
  }
}
