/** F1, the function registry: the metadata store (versions and aliases) and the names of the artifacts. Types only. */
import type { ResolvedFunctionConfig } from '../../config.ts';
import type { Artifact, HandlerShape } from '../builder/protocol.ts';

/** The alias that a call without version or alias goes to; a deploy moves it to the new version. */
export const CURRENT_ALIAS = 'current';

/** Immutable once registered. */
export interface FunctionVersion {
  readonly name: string;
  /** 1, 2, 3 … per function; never reused, also after the function was removed and deployed again. */
  readonly version: number;
  readonly artifact: Artifact;
  readonly shape: HandlerShape;
  readonly config: ResolvedFunctionConfig;
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
}

/** A name for one version, or for several between which calls are split by weight. */
export interface FunctionAlias {
  readonly name: string;
  readonly alias: string;
  /** At least one entry; the weights are positive and need not add up to anything. */
  readonly targets: readonly { readonly version: number; readonly weight: number }[];
}

export interface FunctionDescription {
  readonly name: string;
  readonly versions: readonly FunctionVersion[];
  readonly aliases: readonly FunctionAlias[];
}

/** The version to register; the registry gives it its number and its date. */
export type NewVersion = Omit<FunctionVersion, 'version' | 'createdAtMs'>;

export type RegistryMessages = {
  /**
   * Stores a version and moves `current` to it, in one transaction; answers once that is on disk. Equal to the current version: no new
   * one. The oldest versions without an alias give way when there are too many: they are `pruned` in the same transaction.
   * Refuses with `INVALID_NAME`, or `NAME_TAKEN` where something else has the name.
   */
  register: {
    body: NewVersion;
    reply: {
      readonly version: FunctionVersion;
      readonly isNew: boolean;
      readonly pruned: readonly FunctionVersion[];
    };
  };
  /** Refuses with `VERSION_NOT_FOUND` or `INVALID_NAME`; answers once on disk. Moving `current` is a rollback. */
  setAlias: { body: FunctionAlias; reply: FunctionAlias };
  /** `current` cannot be removed. */
  removeAlias: { body: { readonly name: string; readonly alias: string }; reply: undefined };
  /** Removes the function with all versions and aliases; answers once on disk. */
  remove: { body: { readonly name: string }; reply: { readonly removed: readonly FunctionVersion[] } };
  describe: { body: { readonly name: string }; reply: FunctionDescription };
  list: { body: undefined; reply: readonly FunctionDescription[] };
};

/** Who wants to know of changes: the router, the autoscaler. Each is called after the change is on disk, in order. */
export interface RegistryListener {
  functionChanged(description: FunctionDescription): void;
  functionRemoved(name: string): void;
}
