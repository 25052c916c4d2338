/** F2, the function builder: source in, content-addressed artifact out. Types only. */
import type { SerializedError } from '../../errors.ts';
import type { ArtifactFormat, FunctionManifest, HandlerShape } from '../../transport/instance-control.ts';

export type { ArtifactFormat, FunctionManifest, HandlerShape };

/** A path (file, directory or zip), a file URL, or the code itself. */
export type FunctionSource = string | URL | { readonly code: string; readonly language: 'js' | 'ts' };

export interface BuildRequest {
  readonly source: FunctionSource;
  /** `exec` copies the executable instead of bundling. */
  readonly runtime: 'node' | 'exec';
  /** What the module sees as `process.env` when it is loaded to be inspected. */
  readonly env: Readonly<Record<string, string>>;
}

/** One built function on disk, immutable, in a directory named after the SHA-256 of what is in it. */
export interface Artifact {
  /** 64 hexadecimal digits. */
  readonly hash: string;
  /** Absolute path of the artifact's directory. */
  readonly directory: string;
  readonly format: ArtifactFormat;
  /** Absolute path of the file that an instance loads or executes. */
  readonly entry: string;
  /** Absolute path that the entry will have; only of an artifact that is not permanent yet. */
  readonly permanentEntry?: string;
  /** Absolute path of the source map, where there is one. */
  readonly sourceMap?: string;
  /** Size of the entry in bytes. */
  readonly bytes: number;
}

/**
 * Loads an artifact once, isolated as its instances will be, and says what it exports. Rejects with a `TroupeError`. The artifact is not
 * permanent yet: its directory moves when it has passed, so nothing may remember its paths.
 */
export type Inspect = (artifact: Artifact, env: BuildRequest['env']) => Promise<FunctionManifest>;

export type BuildOutcome =
  | {
      readonly kind: 'built';
      readonly artifact: Artifact;
      readonly manifest: FunctionManifest;
      /** True when an earlier build of the same source was used. */
      readonly reused: boolean;
      readonly durationMs: number;
    }
  | { readonly kind: 'refused'; readonly error: SerializedError };

export type BuilderMessages = {
  build: { body: BuildRequest; reply: BuildOutcome };
  /** Removes artifacts that no version refers to. */
  collectGarbage: { body: { readonly keep: readonly string[] }; reply: { readonly removed: number } };
};
