/**
 * The attempts of one queue that are under way: calls the function, watches its time, and says how each has ended. What that means for the job is not
 * its business.
 */
import { TroupeError } from '../../../errors.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { Heartbeat } from '../../../kernel/heartbeat.ts';
import { ownBytes } from '../../../transport/own-bytes.ts';
import type { JobRecord } from './job-record.ts';
import type { Place } from './line.ts';

/** What an attempt needs of the host: a call of a function, or of a workflow. */
export type CallTarget = (
  call: {
    readonly functionName: string;
    readonly payload: Uint8Array;
    readonly idempotencyKey: string;
    /** From 1. */
    readonly attempt: number;
    /** How many attempts have failed by themselves: a workflow begins a new execution then. */
    readonly failures: number;
    readonly timeoutMs?: number;
    /** The function says that it goes on; with a payload, how far it has come. */
    readonly alive: (progress: Uint8Array | undefined) => void;
  },
  settled: (outcome: AttemptOutcome) => void,
) => { cancel(): void };

export type AttemptOutcome =
  | { readonly kind: 'succeeded'; readonly payload: Uint8Array }
  | { readonly kind: 'failed'; readonly error: TroupeError };

export interface Running {
  readonly id: string;
  readonly place: Place;
  readonly record: JobRecord;
  readonly startedAtMs: number;
  /** Undefined until it is called. */
  handle: { cancel(): void } | undefined;
  /** Why it is told to end. */
  stopped: 'cancelled' | 'lost' | undefined;
  progress: Uint8Array | undefined;
}

export interface AttemptEnd {
  readonly running: Running;
  readonly outcome: AttemptOutcome;
}

export interface RunningJobsParts {
  readonly clock: Clock;
  readonly callTarget: CallTarget;
  /** Called in a turn of another; exactly once for each that was begun. */
  readonly ended: (end: AttemptEnd) => void;
  readonly progressed: (running: Running) => void;
}

export class RunningJobs {
  readonly #parts: RunningJobsParts;
  readonly #all = new Map<string, Running>();

  constructor(parts: RunningJobsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#all.size;
  }

  get(id: string): Running | undefined {
    return this.#all.get(id);
  }

  all(): Iterable<Running> {
    return this.#all.values();
  }

  ids(): string[] {
    return [...this.#all.keys()];
  }

  /** It counts as running from now on; `call` has it begin. */
  add(place: Place, record: JobRecord): Running {
    const running: Running = {
      id: place.id,
      place,
      record,
      startedAtMs: this.#parts.clock.wallMs(),
      handle: undefined,
      stopped: undefined,
      progress: undefined,
    };
    this.#all.set(place.id, running);
    return running;
  }

  call(running: Running, payload: Uint8Array): void {
    const { clock, callTarget, ended, progressed } = this.#parts;
    const { id, record } = running;
    const { queue, attempts, idempotencyKey = id } = record;
    const watch = this.#watch(running);
    running.handle = callTarget(
      {
        functionName: queue,
        payload,
        idempotencyKey,
        attempt: attempts + 1,
        failures: ownFailures(record),
        ...timeLimit(record, clock.wallMs()),
        alive(progress) {
          watch?.beat();
          if (!progress) return;
          running.progress = ownBytes(progress);
          progressed(running);
        },
      },
      (outcome) => {
        watch?.stop();
        ended({ running, outcome });
      },
    );
  }

  remove({ id }: Running): void {
    this.#all.delete(id);
  }

  /** It is told to end, and settles when it has. */
  stop(running: Running, why: NonNullable<Running['stopped']>): void {
    running.stopped ??= why;
    running.handle?.cancel();
  }

  #watch(running: Running): { beat(): void; stop(): void } | undefined {
    const { heartbeatMs } = running.record.terms ?? {};
    if (heartbeatMs === undefined) return undefined;
    return new Heartbeat(this.#parts.clock, heartbeatMs, () => this.stop(running, 'lost'));
  }
}

/** What stopped it is why it has failed, whatever it says itself. */
export function failureOf({ stopped, record }: Running, error: TroupeError): TroupeError {
  const { heartbeatMs } = record.terms ?? {};
  if (stopped === 'lost') return new TroupeError('TIMEOUT', `The job gave no sign of life for ${heartbeatMs} ms.`);
  return error;
}

function timeLimit({ terms }: JobRecord, wallMs: number): { readonly timeoutMs?: number } {
  const { deadlineAtMs = Number.POSITIVE_INFINITY, timeoutMs = Number.POSITIVE_INFINITY } = terms ?? {};
  const limitMs = Math.min(timeoutMs, deadlineAtMs - wallMs);
  return limitMs === Number.POSITIVE_INFINITY ? {} : { timeoutMs: Math.max(1, limitMs) };
}

/** Without those of a host that has ended: they say nothing about what was called. */
function ownFailures({ attempts, errors = [] }: JobRecord): number {
  return attempts - errors.filter(({ error }) => error.code === 'SHUTTING_DOWN').length;
}
