/** The embedding API of durable schedules: `troupe.schedules`. Checks what users pass and hands it to the actor. */
import type {
  Backfilled,
  BackfillRange,
  ScheduleDetails,
  ScheduleOptions,
  ScheduleQuery,
  ScheduleSet,
  ScheduleView,
} from './ecosystem/event-management/protocol.ts';
import { notDeployed } from './ecosystem/event-management/schedules/faults.ts';
import { eventOf } from './ecosystem/event-management/schedules/schedule-job.ts';
import { specOf } from './ecosystem/event-management/schedules/schedule-options.ts';
import type { SchedulesMessages } from './ecosystem/event-management/schedules/schedules-protocol.ts';
import { TroupeError } from './errors.ts';
import type { Caller } from './function-management/router/caller.ts';
import type { ProcessHold } from './kernel/process-hold.ts';
import type { ActorRef } from './kernel/protocol.ts';

/** What the API needs of the runtime. */
export interface ScheduleParts {
  readonly hold: ProcessHold;
  readonly caller: Pick<Caller, 'encode'>;
  readonly schedules: ActorRef<SchedulesMessages>;
  /** A function or a workflow of that name is deployed. */
  readonly isDeployed: (name: string) => boolean;
  readonly isClosing: boolean;
}

const LIST_LIMIT = 10_000;
const NEXT_LIMIT = 100;
const NO_TIMEOUT = { timeoutMs: Number.POSITIVE_INFINITY };

export class Schedules {
  readonly #parts: ScheduleParts;

  /** @internal Use `troupe.schedules`. */
  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  /**
   * Has a function, or workflow, called at certain times, as a job each time: resolves once that is on disk. A schedule of that name is replaced; the same
   * again changes nothing. Rejects with `INVALID_NAME`, `INVALID_ARGUMENT`, `FUNCTION_NOT_FOUND`, `OVERLOADED` or `STORE_WRITE_FAILED`; then nothing has
   * changed.
   */
  async set(name: string, options: ScheduleOptions): Promise<ScheduleSet> {
    const { caller, isDeployed } = this.#parts;
    this.#checkReady();
    const spec = specOf(name, options);
    if (!isDeployed(spec.function)) throw notDeployed(spec.function);
    const { payload } = options;
    // What the function is given is a little longer than its payload, and has to fit too.
    caller.encode(eventOf(name, 0, payload));
    return this.#ask('set', { name, spec, ...(payload !== undefined && { payload: caller.encode(payload) }) });
  }

  /** Jobs that it has enqueued go on. Rejects with `SCHEDULE_NOT_FOUND`. */
  async remove(name: string): Promise<void> {
    await this.#ask('remove', { name });
  }

  /** Rejects with `SCHEDULE_NOT_FOUND`. */
  get(name: string): Promise<ScheduleDetails> {
    return this.#ask('get', { name });
  }

  /** In the order of their names. */
  async list(query: ScheduleQuery = {}): Promise<readonly ScheduleView[]> {
    checkWhole('limit', query.limit ?? 1, LIST_LIMIT);
    return this.#ask('list', query);
  }

  /** It does not fire until it is resumed, and does not catch up then. Holds across a restart. */
  pause(name: string): Promise<ScheduleView> {
    return this.#ask('pause', { name });
  }

  resume(name: string): Promise<ScheduleView> {
    return this.#ask('resume', { name });
  }

  /** Its next times, were it not paused: fewer where there are no more. At most 100. */
  async next(name: string, count: number): Promise<readonly Date[]> {
    checkWhole('count', count, NEXT_LIMIT);
    const times = await this.#ask('next', { name, count });
    return times.map((each) => new Date(each));
  }

  /**
   * Enqueues a job for each time of the schedule in a range that has passed, at most 10,000, but for those that have one. Resolves once they are on disk.
   * A backfill that rejects may have enqueued some; the same again goes on with the others.
   */
  async backfill(name: string, range: BackfillRange): Promise<Backfilled> {
    this.#checkReady();
    return this.#ask('backfill', { name, range });
  }

  #ask: ActorRef<SchedulesMessages>['ask'] = (type, body) =>
    this.#parts.hold.while(this.#parts.schedules.ask(type, body, NO_TIMEOUT));

  #checkReady(): void {
    if (!this.#parts.isClosing) return;
    throw new TroupeError('SHUTTING_DOWN', 'The host is closing, or closed, and changes no schedules any more.');
  }
}

function checkWhole(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new TroupeError('INVALID_ARGUMENT', `${what} must be a whole number from 1 to ${most}.`);
}
