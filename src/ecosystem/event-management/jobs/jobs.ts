/**
 * Durable jobs: an actor over the queues of all functions. Opens each where it is needed, finds jobs by id, and tidies up what has been kept long
 * enough. What happens within a queue is the queue's own business (`job-queue.ts`).
 */
import { later } from '../../../kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, ActorRef, Handlers, Later } from '../../../kernel/protocol.ts';
import { jobKeys } from '../../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../../store/protocol.ts';
import type { JobQuery, JobView, QueueView } from '../protocol.ts';
import { jobNotFound } from './faults.ts';
import { jobQueueActor } from './job-queue.ts';
import type { JobRecord } from './job-record.ts';
import type { StoredJob } from './job-store.ts';
import type { JobsMessages, OpenQueues } from './jobs-protocol.ts';
import type { JobQueueParts } from './queue-parts.ts';
import type { JobListener, JobQueueMessages, QueueSettings } from './queue-protocol.ts';
import { viewOf } from './views.ts';

const DEFAULT_LIMIT = 50;
const LONGEST_LIST = 1_000;
/** A list that asks for what is rare reads no more than so many jobs. */
const LONGEST_SEARCH = 100_000;
const TIDY_EVERY_MS = 30_000;
const TIDIED_AT_ONCE = 1_000;
/** Dead letters that are put back, or purged, in one go. */
const DEAD_AT_ONCE = 500;
/** A destination whose queue is full may have room again. */
const DELIVER_AGAIN_MS = 10_000;
const NO_TIMEOUT = { timeoutMs: Number.POSITIVE_INFINITY };

export interface JobsParts extends Omit<JobQueueParts, 'queue' | 'settings' | 'mayBegin' | 'handOn'> {
  readonly settingsOf: (queue: string) => QueueSettings;
  /** Tells where it goes how a job has ended; resolves once that is on disk there. */
  readonly deliver: (id: string, record: JobRecord) => Promise<void>;
  readonly onFault: (fault: string) => void;
}

interface SharedParts {
  readonly queues: Map<string, ActorRef<JobQueueMessages>>;
  readonly stage: { hasBegun: boolean };
}

export interface JobsActor {
  readonly definition: ActorDefinition<JobsMessages>;
  readonly queues: OpenQueues;
}

export function jobsActor(parts: JobsParts): JobsActor {
  const queues = new Map<string, ActorRef<JobQueueMessages>>();
  // Beside the actors, so that one that starts again knows it.
  const stage = { hasBegun: false };
  return {
    queues,
    definition: {
      name: 'jobs',
      start: (context) => new Jobs(context, { ...parts, queues, stage }).start(),
      controlMessages: ['drain'],
    },
  };
}

class Jobs {
  readonly #context: ActorContext<JobsMessages>;
  readonly #parts: JobsParts & SharedParts;
  readonly #queues: Map<string, ActorRef<JobQueueMessages>>;
  readonly #listeners = new Set<JobListener>();

  constructor(context: ActorContext<JobsMessages>, parts: JobsParts & SharedParts) {
    this.#context = context;
    this.#parts = parts;
    this.#queues = parts.queues;
    this.#queues.clear();
  }

  start(): Handlers<JobsMessages> {
    for (const queue of this.#parts.store.queues()) this.#open(queue);
    this.#tidyLater();
    return {
      open: ({ queue }) => this.#open(queue),
      show: ({ id }) => later(this.#show(id)),
      list: (query) => later(this.#list(query)),
      cancel: ({ id }) => later(this.#queueOf(id).then((queue) => queue.ask('cancel', { id }, NO_TIMEOUT))),
      retry: ({ id }) => later(this.#queueOf(id).then((queue) => queue.ask('retry', { id }))),
      retryDead: ({ function: queue }) =>
        this.#forDead(queue, (ref, ids) =>
          Promise.all(ids.map((id) => ref.ask('retry', { id }))).then(() => ids.length),
        ),
      purgeDead: ({ function: queue }) => this.#forDead(queue, (ref, ids) => ref.ask('forget', { ids })),
      pause: ({ function: queue }) => later(this.#open(queue).ask('pause', undefined)),
      resume: ({ function: queue }) => later(this.#open(queue).ask('resume', undefined)),
      queues: () => later(this.#views()),
      watch: (listener) => this.#watch(listener),
      unwatch: (listener) => {
        this.#listeners.delete(listener);
        for (const queue of this.#queues.values()) queue.tell('unwatch', listener);
      },
      configure: ({ queue, settings }) => void this.#queues.get(queue)?.tell('configure', settings),
      begin: () => {
        this.#parts.stage.hasBegun = true;
        for (const queue of this.#queues.values()) queue.tell('begin', undefined);
      },
      drain: () => {
        for (const queue of this.#queues.values()) queue.tell('drain', undefined);
      },
    };
  }

  #open(queue: string): ActorRef<JobQueueMessages> {
    const known = this.#queues.get(queue);
    if (known) return known;
    const { settingsOf, stage } = this.#parts;
    const ref = this.#context.spawn(
      jobQueueActor({
        ...this.#parts,
        queue,
        settings: settingsOf(queue),
        mayBegin: () => stage.hasBegun,
        handOn: (id, record, done) => this.#deliver(id, record, done),
      }),
    );
    this.#queues.set(queue, ref);
    for (const listener of this.#listeners) ref.tell('watch', listener);
    return ref;
  }

  #watch(listener: JobListener): void {
    this.#listeners.add(listener);
    for (const queue of this.#queues.values()) queue.tell('watch', listener);
  }

  async #queueOf(id: string): Promise<ActorRef<JobQueueMessages>> {
    const record = this.#parts.store.record(id);
    if (record) return this.#open(record.queue);
    // Who watches may know of it before the disk does; its queue does, too.
    for (const queue of this.#queues.values()) if (await queue.ask('show', { id })) return queue;
    throw jobNotFound(id);
  }

  async #show(id: string): Promise<JobView> {
    const queue = await this.#queueOf(id);
    const view = await queue.ask('show', { id });
    if (!view) throw jobNotFound(id);
    return view;
  }

  async #list({ isBrief = false, ...query }: JobQuery): Promise<readonly JobView[]> {
    const { function: queue, status, limit = DEFAULT_LIMIT, before } = query;
    if (status === 'running') return this.#running(query, isBrief);
    await this.#sync();
    const { store } = this.#parts;
    const views: JobView[] = [];
    let searched = 0;
    const jobs = status === 'failed' ? store.dead(queue) : store.list({ before });
    // The store is read in one turn; only then those that run are asked for.
    const found: StoredJob[] = [];
    for (const job of jobs) {
      if (++searched > LONGEST_SEARCH) break;
      if (queue !== undefined && job.record.queue !== queue) continue;
      if (status === 'failed' && before !== undefined && job.id >= before) continue;
      if (status !== undefined && job.record.status !== status) continue;
      found.push(job);
      if (found.length >= Math.min(LONGEST_LIST, limit)) break;
    }
    for (const { id, record } of found) {
      const view =
        (await this.#queues.get(record.queue)?.ask('show', { id, isBrief })) ??
        viewOf(id, { record, isBrief }, this.#parts);
      if (status === undefined || view.status === status) views.push(view);
      if (views.length >= Math.min(LONGEST_LIST, limit)) break;
    }
    return views;
  }

  async #running(
    { function: queue, limit = DEFAULT_LIMIT, before }: JobQuery,
    isBrief: boolean,
  ): Promise<readonly JobView[]> {
    const asked = queue === undefined ? [...this.#queues.values()] : [this.#queues.get(queue)].filter((ref) => !!ref);
    const views = await Promise.all(asked.map((ref) => ref.ask('running', { isBrief })));
    return views
      .flat()
      .filter(({ id }) => before === undefined || id < before)
      .sort((one, other) => (one.id < other.id ? 1 : -1))
      .slice(0, Math.min(LONGEST_LIST, limit));
  }

  /** What is read from the store afterwards has all that has happened so far. */
  async #sync(): Promise<void> {
    await Promise.all(Array.from(this.#queues.values(), (queue) => queue.ask('sync', undefined)));
  }

  #forDead(
    queue: string | undefined,
    act: (ref: ActorRef<JobQueueMessages>, ids: readonly string[]) => Promise<number>,
  ): Later<number> {
    return later(this.#sync().then(() => this.#withDead(queue, act)));
  }

  async #withDead(
    queue: string | undefined,
    act: (ref: ActorRef<JobQueueMessages>, ids: readonly string[]) => Promise<number>,
  ): Promise<number> {
    const byQueue = new Map<string, string[]>();
    for (const { id, record } of this.#parts.store.dead(queue)) {
      if (record.isUndelivered) continue;
      const ids = byQueue.get(record.queue);
      if (ids) ids.push(id);
      else byQueue.set(record.queue, [id]);
    }
    let done = 0;
    for (const [name, ids] of byQueue)
      for (let from = 0; from < ids.length; from += DEAD_AT_ONCE)
        done += await act(this.#open(name), ids.slice(from, from + DEAD_AT_ONCE));
    return done;
  }

  #views(): Promise<readonly QueueView[]> {
    return Promise.all(Array.from(this.#queues.values(), (queue) => queue.ask('view', undefined)));
  }

  #deliver(id: string, record: JobRecord, done: () => void): void {
    const { deliver, onFault } = this.#parts;
    deliver(id, record).then(done, (thrown: unknown) => {
      onFault(`What came of job "${id}" could not be handed on, and will be tried again: ${thrown}`);
      this.#context.after(DELIVER_AGAIN_MS, () => this.#deliver(id, record, done));
    });
  }

  #tidyLater(): void {
    this.#context.after(TIDY_EVERY_MS, async () => {
      await this.#tidy().catch((thrown: unknown) => this.#parts.onFault(`Old jobs could not be removed: ${thrown}`));
      this.#tidyLater();
    });
  }

  async #tidy(): Promise<void> {
    const { store, database } = this.#parts;
    const wallMs = this.#context.clock.wallMs();
    for (let kept = store.kept(wallMs, TIDIED_AT_ONCE); kept.length > 0; kept = store.kept(wallMs, TIDIED_AT_ONCE)) {
      let forgotten = 0;
      for (const [queue, ids] of groupByQueue(kept)) forgotten += await this.#open(queue).ask('forget', { ids });
      if (forgotten === 0) break;
    }
    const onces = store.expiredOnces(wallMs, TIDIED_AT_ONCE);
    if (onces.length > 0) await forgetOnces(database, onces, (queue, key) => store.once(queue, key)?.untilMs);
  }
}

function groupByQueue(jobs: readonly { readonly id: string; readonly queue: string }[]): Map<string, string[]> {
  const byQueue = new Map<string, string[]>();
  for (const { id, queue } of jobs) byQueue.set(queue, [...(byQueue.get(queue) ?? []), id]);
  return byQueue;
}

/** A key that was used again since has another time. */
async function forgetOnces(
  database: KeyValueStore,
  onces: readonly { readonly untilMs: number; readonly queue: string; readonly key: string }[],
  untilOf: (queue: string, key: string) => number | undefined,
): Promise<void> {
  const operations = onces.flatMap(({ untilMs, queue, key }): Operation[] => [
    { kind: 'delete', key: jobKeys.onceUntil(untilMs, queue, key) },
    ...(untilOf(queue, key) === untilMs ? [{ kind: 'delete', key: jobKeys.once(queue, key) } as const] : []),
  ]);
  await database.commit(operations);
}
