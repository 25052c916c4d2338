/** What a queue is given. Types only. */
import type { KeyValueStore } from '../../../store/protocol.ts';
import type { CallTarget } from './attempt.ts';
import type { JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import type { QueueSettings } from './queue-protocol.ts';

export interface JobQueueParts {
  readonly queue: string;
  readonly settings: QueueSettings;
  /** `jobs`. */
  readonly database: KeyValueStore;
  readonly store: JobStore;
  readonly callTarget: CallTarget;
  /** In [0, 1). */
  readonly random: () => number;
  /** Unique for ever, and in the order of time. */
  readonly newId: (wallMs: number) => string;
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (payload: Uint8Array) => unknown;
  /** Whether what jobs call is there. */
  readonly mayBegin: () => boolean;
  /** As `JobWriterParts` has it. */
  readonly nextTurn: (callback: () => void) => void;
  /** It has ended, and where its outcome goes is to be told; `done` once that is on disk. */
  readonly handOn: (id: string, record: JobRecord, done: () => void) => void;
}
