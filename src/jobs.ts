/** The embedding API of durable jobs: `troupe.enqueue`, `troupe.job` and `troupe.jobs`. Checks what users pass and hands it to the queues. */
import { ChangeDesk } from './ecosystem/event-management/jobs/change-desk.ts';
import { enqueueAll } from './ecosystem/event-management/jobs/enqueue-all.ts';
import { newJob } from './ecosystem/event-management/jobs/job-options.ts';
import type { JobsMessages, OpenQueues } from './ecosystem/event-management/jobs/jobs-protocol.ts';
import type { JobListener, NewJob } from './ecosystem/event-management/jobs/queue-protocol.ts';
import {
  type Enqueued,
  type EnqueueOptions,
  JOB_STATUSES,
  type JobChange,
  type JobFilter,
  type JobQuery,
  type JobStatus,
  type JobView,
  type QueueView,
} from './ecosystem/event-management/protocol.ts';
import { deserializeError, TroupeError } from './errors.ts';
import type { Caller } from './function-management/router/caller.ts';
import type { ProcessHold } from './kernel/process-hold.ts';
import type { ActorRef } from './kernel/protocol.ts';

/** What the API needs of the runtime. */
export interface JobParts {
  readonly hold: ProcessHold;
  readonly caller: Pick<Caller, 'encode'>;
  readonly jobs: ActorRef<JobsMessages>;
  readonly queues: OpenQueues;
  /** A function or a workflow of that name is deployed. */
  readonly isDeployed: (name: string) => boolean;
  readonly isClosing: boolean;
}

/** One of many that are enqueued together. */
export interface JobRequest extends EnqueueOptions {
  readonly payload?: unknown;
}

const MANY_LIMIT = 1_000;
const LIST_LIMIT = 1_000;
const FAULTS_SHOWN = 100;
const NO_COUNTS: QueueView['counts'] = {
  waiting: 0,
  delayed: 0,
  running: 0,
  retrying: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
};
const NO_TIMEOUT = { timeoutMs: Number.POSITIVE_INFINITY };

export class Jobs {
  readonly #parts: JobParts;
  readonly #desk: ChangeDesk;

  /** @internal Use `troupe.jobs`. */
  constructor(parts: JobParts) {
    this.#parts = parts;
    this.#desk = new ChangeDesk((listener) => {
      const own: JobListener = (change) => listener(change);
      parts.jobs.tell('watch', own);
      return () => void parts.jobs.tell('unwatch', own);
    });
  }

  /**
   * Has a function, or workflow, called later and until it succeeds: resolves once the job is on disk. Rejects with `FUNCTION_NOT_FOUND`,
   * `INVALID_ARGUMENT`, `OVERLOADED`, or `STORE_WRITE_FAILED`; then there is no job.
   */
  async enqueue(name: string, payload?: unknown, options?: EnqueueOptions): Promise<Enqueued> {
    const job = newJob(this.#parts.caller.encode(payload), options);
    const [enqueued] = await this.#enqueue(name, [job]);
    if (!enqueued) throw new TroupeError('INTERNAL', 'A job was enqueued and has no id.');
    return enqueued;
  }

  /** At most 1,000 jobs of one function: all are on disk, or none. In their order. */
  async enqueueMany(name: string, requests: readonly JobRequest[]): Promise<readonly Enqueued[]> {
    if (!Array.isArray(requests) || requests.length > MANY_LIMIT) {
      throw new TroupeError(
        'INVALID_ARGUMENT',
        `enqueueMany takes an array of at most ${MANY_LIMIT} jobs: they get to the disk together. Enqueue more in several goes.`,
      );
    }
    const jobs = this.#newJobs(requests);
    return jobs.length === 0 ? [] : this.#enqueue(name, jobs);
  }

  /** Rejects with `JOB_NOT_FOUND`. */
  get(id: string): Promise<JobView> {
    return this.#ask('show', { id });
  }

  /** Newest first. */
  async list(query: JobQuery = {}): Promise<readonly JobView[]> {
    const { status, limit = 1 } = query;
    if (!Number.isInteger(limit) || limit < 1 || limit > LIST_LIMIT)
      throw new TroupeError('INVALID_ARGUMENT', `limit must be a whole number from 1 to ${LIST_LIMIT}.`);
    if (status !== undefined && !JOB_STATUSES.includes(status))
      throw new TroupeError('INVALID_ARGUMENT', `status must be one of ${JOB_STATUSES.join(', ')}.`);
    return this.#ask('list', query);
  }

  /**
   * Ends it, whatever it does: one that runs has its `context.signal` aborted. Resolves once that is on disk, with how it has ended; one that ended
   * before stays as it is.
   */
  cancel(id: string): Promise<JobStatus> {
    return this.#ask('cancel', { id });
  }

  /** A dead letter, or one that was cancelled, begins anew. Rejects with `CONFLICT` where it is neither. */
  retry(id: string): Promise<JobStatus> {
    return this.#ask('retry', { id });
  }

  /** Dead letters, of one function or of all, begin anew: how many. Rejects with `FUNCTION_NOT_FOUND`. */
  async retryDead(query: { readonly function?: string } = {}): Promise<number> {
    if (query.function !== undefined) this.#checkQueue(query.function);
    return this.#ask('retryDead', query);
  }

  /** Dead letters are forgotten: how many. Rejects with `FUNCTION_NOT_FOUND`. */
  async purgeDead(query: { readonly function?: string } = {}): Promise<number> {
    if (query.function !== undefined) this.#checkQueue(query.function);
    return this.#ask('purgeDead', query);
  }

  /** Jobs of the function go on coming in, and none begins. Holds across a restart. */
  async pause(name: string): Promise<void> {
    this.#checkQueue(name);
    await this.#ask('pause', { function: name });
  }

  async resume(name: string): Promise<void> {
    this.#checkQueue(name);
    await this.#ask('resume', { function: name });
  }

  /** How many jobs each function has, by status. */
  queues(): Promise<readonly QueueView[]> {
    return this.#ask('queues', undefined);
  }

  /** Rejects with `FUNCTION_NOT_FOUND`. */
  async queue(name: string): Promise<QueueView> {
    this.#checkQueue(name);
    const known = (await this.queues()).find((queue) => queue.function === name);
    return (
      known ?? { function: name, isPaused: false, counts: NO_COUNTS, ended: { succeeded: 0, failed: 0, cancelled: 0 } }
    );
  }

  /** Calls back for every change from now on, of all jobs, or of those that the filter says; the answer ends it. */
  watch(listener: (change: JobChange) => void, filter?: JobFilter): () => void {
    return this.#desk.add(listener, filter);
  }

  /** Resolves with the result of a job once it has succeeded, at once where it has; rejects with its last error, or with `CANCELLED`. */
  async result<Result = unknown>(id: string): Promise<Result> {
    const { hold } = this.#parts;
    let changed: (() => void) | undefined;
    const stop = this.watch(() => changed?.(), { id });
    try {
      for (;;) {
        const next = new Promise<void>((resolve) => {
          changed = resolve;
        });
        const { status, result, errors } = await this.get(id);
        if (status === 'succeeded') return result as Result;
        if (status === 'failed') throw failureOf(id, errors.at(-1)?.error);
        if (status === 'cancelled') throw new TroupeError('CANCELLED', `Job "${id}" was cancelled.`);
        await hold.while(next);
      }
    } finally {
      stop();
    }
  }

  /** Throws `INVALID_ARGUMENT` that names every fault of every one. */
  #newJobs(requests: readonly JobRequest[]): readonly NewJob[] {
    const { caller } = this.#parts;
    const faults: string[] = [];
    const jobs = requests.flatMap((request, index) => {
      if (typeof request !== 'object' || request === null) {
        faults.push(`job ${index}: must be an object { payload, ...options }`);
        return [];
      }
      const { payload, ...options } = request;
      try {
        return [newJob(caller.encode(payload), Object.keys(options).length === 0 ? undefined : options)];
      } catch (thrown) {
        if (!(thrown instanceof TroupeError) || !Array.isArray(thrown.details['faults'])) throw thrown;
        faults.push(...thrown.details['faults'].map((fault) => `job ${index}: ${fault}`));
        return [];
      }
    });
    if (faults.length === 0) return jobs;
    const shown = faults.slice(0, FAULTS_SHOWN);
    const more = faults.length > shown.length ? `; and ${faults.length - shown.length} more` : '';
    throw new TroupeError('INVALID_ARGUMENT', `Wrong options of jobs: ${shown.join('; ')}${more}.`, {
      details: { faults: shown },
    });
  }

  async #enqueue(name: string, jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    const { hold, queues, jobs: actor, isDeployed } = this.#parts;
    this.#checkReady();
    if (!isDeployed(name)) throw notDeployed(name);
    const queue = queues.get(name) ?? (await hold.while(actor.ask('open', { queue: name })));
    // The process does not end before.
    hold.begin();
    return enqueueAll(queue, jobs, () => hold.end());
  }

  #ask: ActorRef<JobsMessages>['ask'] = (type, body) =>
    this.#parts.hold.while(this.#parts.jobs.ask(type, body, NO_TIMEOUT));

  /** What was removed may still have jobs. */
  #checkQueue(name: string): void {
    const { isDeployed, queues } = this.#parts;
    if (!isDeployed(name) && !queues.get(name)) throw notDeployed(name);
  }

  #checkReady(): void {
    if (!this.#parts.isClosing) return;
    throw new TroupeError('SHUTTING_DOWN', 'The host is closing, or closed, and takes no new jobs.');
  }
}

function notDeployed(name: string): TroupeError {
  return new TroupeError(
    'FUNCTION_NOT_FOUND',
    `No function or workflow ${JSON.stringify(name)} is deployed: deploy it before its jobs are enqueued.`,
    { details: { functionName: name } },
  );
}

function failureOf(id: string, error: JobView['errors'][number]['error'] | undefined): Error {
  if (!error) return new TroupeError('INTERNAL', `Job "${id}" failed, and nobody knows why.`);
  const failure = deserializeError(error);
  return failure instanceof TroupeError
    ? failure
    : new TroupeError('FUNCTION_ERROR', error.message, { cause: failure });
}
