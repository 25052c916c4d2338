/** W1, the workflow registry: which versions of which workflows there are. Types only. */
import type { DefinitionSummary, Language } from '../language.ts';

/** The alias that a start without version or alias goes to; a deploy moves it to the new version. */
export const CURRENT_ALIAS = 'current';

/** Immutable once registered. */
export interface WorkflowVersion {
  readonly name: string;
  /** 1, 2, 3 … per workflow; never reused. */
  readonly version: number;
  /** The name of its language. */
  readonly language: string;
  readonly source: string;
  /** Of the source, in hexadecimal. */
  readonly sha256: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
}

export interface WorkflowDescription {
  readonly name: string;
  readonly versions: readonly WorkflowVersion[];
  /** To one version each. */
  readonly aliases: Readonly<Record<string, number>>;
}

/** A version ready to run. */
export interface CompiledWorkflow<Definition = unknown> {
  readonly name: string;
  readonly version: number;
  readonly language: Language<Definition>;
  readonly definition: Definition;
  readonly summary: DefinitionSummary;
}

export interface WorkflowDeployment {
  readonly name: string;
  readonly source: string;
  /** As it is told in faults. */
  readonly file: string;
}

export type WorkflowRegistryMessages = {
  /**
   * Compiles the source, checks that every function and workflow that it names is deployed, and makes it the current version; answers once that is on
   * disk. Equal to the current version: no new one. Refuses with `WORKFLOW_INVALID` (`details.faults`: `WorkflowFault[]`), `NAME_TAKEN` where a
   * function has the name, `PAYLOAD_TOO_LARGE`, or `INVALID_NAME`.
   */
  deploy: { body: WorkflowDeployment; reply: { readonly version: WorkflowVersion; readonly isNew: boolean } };
  /** Refuses with `VERSION_NOT_FOUND`, `WORKFLOW_NOT_FOUND` or `INVALID_NAME`. */
  setAlias: { body: { readonly name: string; readonly alias: string; readonly version: number }; reply: undefined };
  /** `current` cannot be removed: `CONFLICT`. */
  removeAlias: { body: { readonly name: string; readonly alias: string }; reply: undefined };
  /** Nothing starts it any more. The versions that unfinished executions need stay until those have ended, and are found by their number only. */
  remove: { body: { readonly name: string }; reply: undefined };
  describe: { body: { readonly name: string }; reply: WorkflowDescription };
  list: { body: undefined; reply: readonly WorkflowDescription[] };
};

/** What the engine and the doors ask without a message; it shows what is on disk. */
export interface WorkflowTable {
  has(name: string): boolean;
  /** In order. */
  names(): readonly string[];
  /**
   * The current version unless told otherwise; a version given wins over an alias. Throws `WORKFLOW_NOT_FOUND`, `VERSION_NOT_FOUND`,
   * `ALIAS_NOT_FOUND`, or `WORKFLOW_INVALID` where a stored version does not compile any more.
   */
  resolve(name: string, which?: { readonly version?: number; readonly alias?: string }): CompiledWorkflow;
}
