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
    const { id, record } = running;
    const { attempts, idempotencyKey = id } = record;
    const call = { payload, idempotencyKey, attempt: attempts + 1, failures: ownFailures(record) };
    this.#call([running], call, (outcome) => this.#parts.ended({ running, outcome }));
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
      const attempt = Math.max(...members.map(({ record }) => record.attempts + 1));
      // Each item has a key of its own; the same jobs need not come together again.
      const call = { payload, idempotencyKey: `${members[0]?.id}+${members.length - 1}`, attempt, failures: 0 };
      this.#call(members, call, (outcome) => {
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

  #call(
    members: readonly Running[],
    call: Pick<Parameters<CallTarget>[0], 'payload' | 'idempotencyKey' | 'attempt' | 'failures'>,
    settled: (outcome: AttemptOutcome) => void,
  ): void {
    const { clock, callTarget, progressed } = this.#parts;
    const [first] = members;
    if (!first) return;
    const watch = this.#watch(members);
    first.handle = callTarget(
      {
        functionName: first.record.queue,
        ...call,
        ...timeLimit(members, clock.wallMs()),
        alive(progress) {
          watch?.beat();
          if (!progress) return;
          for (const member of members) {
            member.progress = ownBytes(progress);
            progressed(member);
          }
        },
      },
      (outcome) => {
        watch?.stop();
        settled(outcome);
      },
    );
  }

  #watch(members: readonly Running[]): { beat(): void; stop(): void } | undefined {
    const limitMs = least(members, ({ terms }) => terms?.heartbeatMs);
    if (limitMs === Number.POSITIVE_INFINITY) return undefined;
    return new Heartbeat(this.#parts.clock, limitMs, () => {
      for (const member of members) this.stop(member, 'lost');
    });
  }
}

function least(members: readonly Running[], limitOf: (record: JobRecord) => number | undefined): number {
  let leastMs = Number.POSITIVE_INFINITY;
  for (const { record } of members) leastMs = Math.min(leastMs, limitOf(record) ?? Number.POSITIVE_INFINITY);
  return leastMs;
}

/** What stopped it is why it has failed, whatever it says itself. */
export function failureOf({ stopped, record }: Running, error: TroupeError): TroupeError {
  const { heartbeatMs } = record.terms ?? {};
  if (stopped !== 'lost') return error;
  const span = heartbeatMs === undefined ? 'as long as one of its batch may' : `for ${heartbeatMs} ms`;
  return new TroupeError('TIMEOUT', `The job gave no sign of life ${span}.`);
}

function timeLimit(members: readonly Running[], wallMs: number): { readonly timeoutMs?: number } {
  const limitMs = least(members, ({ terms: { timeoutMs, deadlineAtMs } = {} }) =>
    Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, (deadlineAtMs ?? Number.POSITIVE_INFINITY) - wallMs),
  );
  return limitMs === Number.POSITIVE_INFINITY ? {} : { timeoutMs: Math.max(1, limitMs) };
}

/** Without those of a host that has ended: they say nothing about what was called. */
function ownFailures({ attempts, errors = [] }: JobRecord): number {
  return attempts - errors.filter(({ error }) => error.code === 'SHUTTING_DOWN').length;
}
