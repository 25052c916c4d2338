/** W4, the execution store: the journals of executions, what is unfinished, and the list of those that have ended. Types only. */
import type { SerializedError } from '../../errors.ts';
import type { Durability, ExecutionEvent } from '../events.ts';
import type { ExecutionStatus } from '../execution-state.ts';

/** An engine ends an execution before it has more; 100,000 are read and folded in about a second. */
export const MAX_JOURNAL_EVENTS = 100_000;

/** What is known of an execution without its journal. */
export interface ExecutionSummary {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly status: ExecutionStatus;
  readonly durability: Durability;
  /** That of its first event. */
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly parent?: { readonly executionId: string; readonly step: string };
  /** Steps that have succeeded. */
  readonly steps: number;
  readonly error?: SerializedError;
  readonly failedStep?: string;
}

/** An execution that has not ended: enough to leave it alone until it is needed. */
export interface OpenExecution {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly startedAtMs: number;
  /** When it wants to go on though nothing has come for it; absent where it runs, or waits for something else. Milliseconds since the epoch. */
  readonly wakeAtMs?: number;
  /** True while it waits only: for its time, a signal, or its being resumed. A host that starts takes up all others. */
  readonly isWaiting: boolean;
  readonly status: ExecutionStatus;
}

export interface AppendRequest {
  readonly id: string;
  /** Of the journal before; 0 begins one. */
  readonly expectedLength: number;
  readonly events: readonly ExecutionEvent[];
  /** What stands in the list of unfinished executions from now on; undefined takes it off. Absent: as it was. */
  readonly open?: OpenExecution | undefined;
  /** Where it has ended. */
  readonly ended?: ExecutionSummary;
}

export type AppendOutcome = { readonly kind: 'appended' } | { readonly kind: 'conflict' };

export interface ExecutionQuery {
  readonly workflow?: string;
  readonly status?: ExecutionStatus;
  /** Started at or after, and before; milliseconds since the epoch. */
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** 1 to 1,000; 100 unless told. Newest first. */
  readonly limit?: number;
}

export interface ExecutionStore {
  /** All or nothing, and on disk once it resolves. Rejects as the store does. */
  append(request: AppendRequest): Promise<AppendOutcome>;
  /** Undefined where there is none. Throws `RECORD_CORRUPT` where an event is damaged, `JOURNAL_UNREADABLE` where its kind is unknown. */
  read(id: string): readonly ExecutionEvent[] | undefined;
  exists(id: string): boolean;
  /** Every unfinished execution, in no order. Lazy: consume it in the same turn. */
  open(): Iterable<OpenExecution>;
  /** Of those that have ended: newest first. Of one whose journal was compacted too. Throws `INVALID_ARGUMENT`. */
  ended(query: ExecutionQuery): readonly ExecutionSummary[];
  /** Of an ended one whose journal was compacted: its summary and its result. */
  compacted(id: string): { readonly summary: ExecutionSummary; readonly output?: Uint8Array } | undefined;
  /** Takes it away altogether. */
  delete(id: string): Promise<void>;
  /**
   * Compacts what ended before the one time (journal and values go, summary and result stay) and deletes what ended before the other; at most so
   * many at a time. Resolves with how many it has dealt with.
   */
  tidy(request: {
    readonly compactBeforeMs: number;
    readonly deleteBeforeMs: number;
    readonly limit: number;
  }): Promise<number>;
}
