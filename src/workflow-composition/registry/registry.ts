/**
 * W1, the workflow registry: which versions and aliases each workflow has. Everything is in memory, in the table that its callers read, and every change
 * is on disk before it is there, and before it is answered (invariants 1 and 4). Changes come one at a time, because the actor holds its mailbox
 * while it writes.
 */
import { createHash } from 'node:crypto';
import { checkFunctionName } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ActorDefinition, Handlers, ReplyOf } from '../../kernel/protocol.ts';
import type { KeyValueStore, Operation } from '../../store/protocol.ts';
import {
  type CatalogueEntry,
  describeEntry,
  type InUse,
  MAX_SOURCE_BYTES,
  prunable,
  repeatedVersion,
  withAlias,
  withoutAlias,
  withVersion,
} from './catalogue.ts';
import { checkTargets, languageOf } from './compiling.ts';
import {
  CURRENT_ALIAS,
  type WorkflowDeployment,
  type WorkflowDescription,
  type WorkflowRegistryMessages,
  type WorkflowVersion,
} from './protocol.ts';
import {
  deleteAlias,
  deleteRemoved,
  deleteVersion,
  loadWorkflows,
  putAlias,
  putCounter,
  putRemoved,
  putVersion,
} from './stored-workflow.ts';
import type { LoadedWorkflows } from './workflow-table.ts';

export interface WorkflowRegistryOptions {
  /** The database `workflows`. */
  readonly store: KeyValueStore;
  /** Kept current from here. */
  readonly table: LoadedWorkflows;
  readonly clock: Clock;
  readonly functionExists: (name: string) => boolean;
  /** To suggest one of them in place of a name that is not known. */
  readonly functionNames?: () => Iterable<string>;
  /** Whether an unfinished execution is of that version. Asked after changes, never at the start. */
  readonly inUse: InUse;
  /** Called with each thing that was found wrong in the store, or could not be written that nobody waits for; a sentence for people. */
  readonly onFault?: (fault: string) => void;
}

export function workflowRegistryActor(options: WorkflowRegistryOptions): ActorDefinition<WorkflowRegistryMessages> {
  return { name: 'workflow-registry', start: () => new WorkflowRegistry(options).start() };
}

class WorkflowRegistry {
  readonly #options: WorkflowRegistryOptions;
  readonly #table: LoadedWorkflows;
  readonly #counters = new Map<string, number>();

  constructor(options: WorkflowRegistryOptions) {
    this.#options = options;
    this.#table = options.table;
  }

  async start(): Promise<Handlers<WorkflowRegistryMessages>> {
    const { store, onFault } = this.#options;
    const { entries, counters, repairs, faults } = loadWorkflows(store);
    this.#table.load(entries);
    for (const [name, counter] of counters) this.#counters.set(name, counter);
    for (const fault of faults) onFault?.(fault);
    // A disk that takes no writes must not keep what can be read from being served: the next start mends it again.
    if (repairs.length > 0)
      await store.commit(repairs).catch((error: unknown) => onFault?.(`Not mended on disk: ${error}`));
    return {
      deploy: (deployment) => this.#deploy(deployment),
      setAlias: ({ name, alias, version }) => this.#setAlias(name, alias, version),
      removeAlias: ({ name, alias }) => this.#removeAlias(name, alias),
      remove: ({ name }) => this.#remove(name),
      describe: ({ name }) => describeEntry(name, this.#table.deployed(name)),
      list: () => this.#list(),
    };
  }

  async #deploy({ name, source, file }: WorkflowDeployment): Promise<ReplyOf<WorkflowRegistryMessages, 'deploy'>> {
    const { functionExists, clock } = this.#options;
    checkFunctionName(name, 'workflow');
    checkSource(source);
    if (functionExists(name)) {
      throw new TroupeError(
        'NAME_TAKEN',
        `"${name}" is the name of a function. Choose another one, or remove that first.`,
        {
          details: { name, holder: 'a function' },
        },
      );
    }
    const language = languageOf(file, this.#table.languages);
    const definition = language.parse(source, { file });
    const summary = language.describe(definition);
    checkTargets(summary.targets, { name, file }, this.#names());
    const entry = this.#table.entry(name);
    const sha256 = createHash('sha256').update(source).digest('hex');
    const repeated = repeatedVersion(entry, { sha256, language: language.name });
    if (repeated) return { version: repeated, isNew: false };
    const number = (this.#counters.get(name) ?? 0) + 1;
    const version: WorkflowVersion = {
      name,
      version: number,
      language: language.name,
      source,
      sha256,
      createdAtMs: clock.wallMs(),
    };
    await this.#commit([
      putVersion(version),
      putAlias(name, CURRENT_ALIAS, number),
      putCounter(name, number),
      deleteRemoved(name),
    ]);
    this.#counters.set(name, number);
    this.#table.change(name, withVersion(entry, version));
    this.#table.keep(version, { name, version: number, language, definition, summary });
    await this.#prune([name, ...this.#table.removed()]);
    return { version, isNew: true };
  }

  async #setAlias(name: string, alias: string, version: number): Promise<undefined> {
    const next = withAlias(this.#table.deployed(name), { name, alias, version });
    await this.#commit([putAlias(name, alias, version)]);
    this.#table.change(name, next);
  }

  async #removeAlias(name: string, alias: string): Promise<undefined> {
    const next = withoutAlias(this.#table.deployed(name), name, alias);
    await this.#commit([deleteAlias(name, alias)]);
    this.#table.change(name, next);
  }

  /** First nothing can start it any more; what no execution needs goes after that, so that none starts in between. The counter stays (invariant 2). */
  async #remove(name: string): Promise<undefined> {
    const entry = this.#table.deployed(name);
    await this.#commit([putRemoved(name), ...[...entry.aliases.keys()].map((alias) => deleteAlias(name, alias))]);
    this.#table.change(name, { ...entry, aliases: new Map() });
    await this.#prune(this.#table.removed());
  }

  #list(): readonly WorkflowDescription[] {
    return this.#table.names().map((name) => describeEntry(name, this.#table.deployed(name)));
  }

  #names() {
    const { functionExists, functionNames } = this.#options;
    return {
      isKnown: (name: string) => functionExists(name) || this.#table.has(name),
      all: () => [...(functionNames?.() ?? []), ...this.#table.names()],
    };
  }

  /** Whatever goes is out of the table in the turn in which it was found to be of no use. A disk that does not take it keeps it until the next start. */
  async #prune(names: readonly string[]): Promise<void> {
    const { store, inUse, onFault } = this.#options;
    const operations: Operation[] = [];
    for (const name of names) {
      const entry = this.#table.entry(name);
      const pruned = entry ? prunable(name, entry, inUse) : [];
      if (!entry || pruned.length === 0) continue;
      const next: CatalogueEntry = {
        ...entry,
        versions: entry.versions.filter((version) => !pruned.includes(version)),
      };
      operations.push(...pruned.map(deleteVersion));
      if (next.versions.length === 0) operations.push(deleteRemoved(name));
      this.#table.change(name, next);
    }
    if (operations.length === 0) return;
    await store
      .commit(operations)
      .catch((error: unknown) => onFault?.(`Old versions of workflows stay on disk: ${error}`));
  }

  async #commit(operations: readonly Operation[]): Promise<void> {
    const outcome = await this.#options.store.commit(operations);
    if (outcome.kind === 'committed') return;
    // Nobody else writes here; the memory is stale, and a failed actor starts again from the store.
    throw new TroupeError('INTERNAL', `The workflow registry met a record it does not know: ${outcome.key.join('/')}.`);
  }
}

function checkSource(source: unknown): void {
  if (typeof source !== 'string') throw new TroupeError('INVALID_ARGUMENT', 'The source of a workflow must be a text.');
  const bytes = Buffer.byteLength(source);
  if (bytes <= MAX_SOURCE_BYTES) return;
  throw new TroupeError('PAYLOAD_TOO_LARGE', `The workflow has ${bytes} bytes; ${MAX_SOURCE_BYTES} are the most.`, {
    details: { bytes, limit: MAX_SOURCE_BYTES },
  });
}
