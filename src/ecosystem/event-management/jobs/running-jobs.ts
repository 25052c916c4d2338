/**
 * The attempts of one queue that are under way: calls the function, watches its time, and says how each has ended. What that means for the job is not
 * its business.
 */
import { TroupeError, toTroupeError } from '../../../errors.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { Heartbeat } from '../../../kernel/heartbeat.ts';
import { ownBytes } from '../../../transport/own-bytes.ts';
import type { AttemptEnd, AttemptOutcome, CallTarget, Running } from './attempt.ts';
import { itemsOf, outcomesOf } from './batch.ts';
import type { JobRecord } from './job-record.ts';
import type { Place } from './line.ts';

export interface RunningJobsParts {
  readonly clock: Clock;
  readonly callTarget: CallTarget;
  /** Called in a turn of another; exactly once for each that was begun. */
  readonly ended: (end: AttemptEnd) => void;
  readonly progressed: (running: Running) => void;
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (payload: Uint8Array) => unknown;
}

export class RunningJobs {
  readonly #parts: RunningJobsParts;
  readonly #all = new Map<string, Running>();
  /** Those that go along in the call of another one. */
  #along = 0;

  constructor(parts: RunningJobsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#all.size;
  }

  get calls(): number {
    return this.#all.size - this.#along;
  }

  get(id: string): Running | undefined {
    return this.#all.get(id);
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
      batch: undefined,
    };
    this.#all.set(place.id, running);
    return running;
  }

  /** They go in one call. */
  join(members: readonly Running[]): void {
    for (const member of members) member.batch = members;
    this.#along += members.length - 1;
  }

  call(running: Running, payload: Uint8Array): void {
    const { clock, callTarget, ended } = this.#parts;
    const { id, record } = running;
    const watch = this.#watch(running, record.terms?.heartbeatMs);
    running.handle = callTarget(
      {
        functionName: record.queue,
        payload,
        idempotencyKey: record.idempotencyKey ?? id,
        attempt: record.attempts + 1,
        failures: ownFailures(record),
        timeoutMs: timeLimitMs(record, clock.wallMs()),
        alive: (progress) => this.#alive(running, watch, progress),
      },
      (outcome) => {
        watch?.stop();
        ended({ running, outcome });
      },
    );
  }

  /** `payloads`: of each, in their order. */
  callBatch(members: readonly Running[], payloads: readonly Uint8Array[]): void {
    const { encode, decode, ended } = this.#parts;
    const settle = (outcomes: readonly AttemptOutcome[]): void => {
      for (const [index, running] of members.entries()) {
        const outcome = outcomes[index];
        if (outcome) ended({ running, outcome });
      }
    };
    const failAll = (thrown: unknown) => settle(members.map(() => ({ kind: 'failed', error: toTroupeError(thrown) })));
    try {
      const payload = encode(itemsOf(members, payloads, decode));
      this.#callFirst(members, payload, (outcome) => {
        if (outcome.kind === 'failed') return settle(members.map(() => outcome));
        try {
          const answer = outcome.payload.length > 0 ? decode(outcome.payload) : undefined;
          settle(outcomesOf(members.length, answer, encode));
        } catch (thrown) {
          failAll(thrown);
        }
      });
    } catch (thrown) {
      failAll(thrown);
    }
  }

  remove({ id, batch }: Running): void {
    if (!this.#all.delete(id) || !batch) return;
    // The last one of a batch is the call itself.
    if (batch.some((member) => this.#all.get(member.id) === member)) this.#along--;
  }

  /** It is told to end, and settles when it has; one of a batch when the others have. */
  stop(running: Running, why: NonNullable<Running['stopped']>): void {
    running.stopped ??= why;
    const members = running.batch ?? [running];
    if (members.every(({ stopped }) => stopped !== undefined)) members[0]?.handle?.cancel();
  }

  #callFirst(members: readonly Running[], payload: Uint8Array, settled: (outcome: AttemptOutcome) => void): void {
    const { clock, callTarget } = this.#parts;
    const [first] = members;
    if (!first) return;
    const wallMs = clock.wallMs();
    const watch = this.#watch(
      first,
      least(members, ({ terms }) => terms?.heartbeatMs),
    );
    first.handle = callTarget(
      {
        functionName: first.record.queue,
        payload,
        // Each item has a key of its own; the same jobs need not come together again.
        idempotencyKey: `${first.id}+${members.length - 1}`,
        attempt: Math.max(...members.map(({ record }) => record.attempts + 1)),
        failures: 0,
        timeoutMs: least(members, (record) => timeLimitMs(record, wallMs)),
        alive: (progress) => this.#alive(first, watch, progress),
      },
      (outcome) => {
        watch?.stop();
        settled(outcome);
      },
    );
  }

  /** The function says that it goes on; with `progress`, how far it has come. */
  #alive(first: Running, watch: Watch | undefined, progress: Uint8Array | undefined): void {
    watch?.beat();
    if (!progress) return;
    for (const member of first.batch ?? [first]) {
      member.progress = ownBytes(progress);
      this.#parts.progressed(member);
    }
  }

  #watch(first: Running, limitMs: number | undefined): Watch | undefined {
    if (limitMs === undefined) return undefined;
    return new Heartbeat(this.#parts.clock, limitMs, () => {
      for (const member of first.batch ?? [first]) this.stop(member, 'lost');
    });
  }
}

interface Watch {
  beat(): void;
  stop(): void;
}

/** Undefined where none has such a limit. */
function least(members: readonly Running[], limitOf: (record: JobRecord) => number | undefined): number | undefined {
  const limits = members.flatMap(({ record }) => limitOf(record) ?? []);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** What stopped it is why it has failed, whatever it says itself. */
export function failureOf({ stopped, record }: Running, error: TroupeError): TroupeError {
  const { heartbeatMs } = record.terms ?? {};
  if (stopped !== 'lost') return error;
  const span = heartbeatMs === undefined ? 'as long as one of its batch may' : `for ${heartbeatMs} ms`;
  return new TroupeError('TIMEOUT', `The job gave no sign of life ${span}.`);
}

function timeLimitMs({ terms }: JobRecord, wallMs: number): number | undefined {
  if (!terms) return undefined;
  const { deadlineAtMs, timeoutMs } = terms;
  if (deadlineAtMs === undefined) return timeoutMs;
  return Math.max(1, Math.min(deadlineAtMs - wallMs, timeoutMs ?? Number.POSITIVE_INFINITY));
}

/** Without those of a host that has ended: they say nothing about what was called. */
function ownFailures({ attempts, errors }: JobRecord): number {
  return errors === undefined
    ? attempts
    : attempts - errors.filter(({ error }) => error.code === 'SHUTTING_DOWN').length;
}
