/** What the host and the worker of the sandbox say to each other. Types, and the layout of what they share. */

export interface SandboxOptions {
  /** How long the code of one expression may run. */
  readonly timeoutMs: number;
  /** What the values and the code of one expression may take, in bytes. */
  readonly memoryBytes: number;
  /** The longest result, as JSON and bytes, in bytes. */
  readonly resultLimitBytes: number;
}

export interface WorkerSetup extends SandboxOptions {
  readonly shared: Int32Array;
  /** Stands in JSON for the bytes whose index follows it. Known to nobody else, so no text is taken for it. */
  readonly tag: string;
}

/** Int32 positions that the worker writes and the host reads, so that one is noticed that never returns. */
export const BEATS = 0;
/** The id of what is being evaluated, or 0. */
export const CURRENT = 1;
export const SHARED_LENGTH = 2;

export interface SandboxRequest {
  /** From 1. */
  readonly id: number;
  readonly kind: 'expression' | 'script';
  readonly source: string;
  /** JSON: `{ taskId, $ }` of an expression, the variables of a script. */
  readonly data: string;
  readonly bytes: readonly Uint8Array[];
}

export type SandboxFailure = 'thrown' | 'timeout' | 'memory' | 'too-large';

/** In the order of the requests. */
export type SandboxAnswer =
  | { readonly id: number; readonly kind: 'value'; readonly json: string; readonly bytes: readonly Uint8Array[] }
  | { readonly id: number; readonly kind: 'failed'; readonly reason: SandboxFailure; readonly what: string };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** Worn: it takes nothing more, and what it was sent besides is to be sent to another. */
  | { readonly kind: 'answers'; readonly answers: readonly SandboxAnswer[]; readonly isWorn: boolean };
