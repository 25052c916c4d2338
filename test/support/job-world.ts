/** Durable jobs on a virtual clock and a store in memory; calls end when the test says so. */

import { type QueueConfig, resolveFunctionConfig } from '../../src/config.ts';
import { composeEventManagement } from '../../src/ecosystem/event-management/composition.ts';
import type { EventsMessages } from '../../src/ecosystem/event-management/events/events-protocol.ts';
import type { Retention } from '../../src/ecosystem/event-management/events/retention.ts';
import { newJob } from '../../src/ecosystem/event-management/jobs/job-options.ts';
import { JobStore } from '../../src/ecosystem/event-management/jobs/job-store.ts';
import type { JobsMessages } from '../../src/ecosystem/event-management/jobs/jobs-protocol.ts';
import type { Enqueued, EnqueueOptions, JobView } from '../../src/ecosystem/event-management/protocol.ts';
import type { SchedulesMessages } from '../../src/ecosystem/event-management/schedules/schedules-protocol.ts';
import { TroupeError } from '../../src/errors.ts';
import type { FunctionDescription } from '../../src/function-management/registry/protocol.ts';
import type { CallRequest } from '../../src/function-management/router/protocol.ts';
import { ActorSystem } from '../../src/kernel/actor-system.ts';
import type { ActorRef } from '../../src/kernel/protocol.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { openMemoryStore } from '../../src/store/memory-store.ts';
import type { DatabaseName, KeyValueStore, Store } from '../../src/store/protocol.ts';
import { decodePayload, encodePayload } from '../../src/transport/codec.ts';

const LIMIT = { limitBytes: 1_048_576 };
const ROW = {} as never;

export interface JobWorldOptions extends Partial<QueueConfig> {
  readonly retention?: Partial<Retention>;
  readonly undeployed?: readonly string[];
  readonly answer?: Answer;
}

let hosts = 0;

export interface Attempt {
  readonly function: string;
  readonly payload: unknown;
  readonly attempt: number;
  readonly key: string | undefined;
  readonly atMs: number;
  readonly timeoutMs: number | undefined;
  isCancelled: boolean;
  beat(progress?: unknown): void;
  succeed(result?: unknown): Promise<void>;
  fail(error?: Error): Promise<void>;
}

export type Answer = (attempt: Attempt) => unknown;

export class JobWorld {
  readonly clock: VirtualClock;
  readonly system: ActorSystem;
  readonly store: Store;
  readonly jobs: ActorRef<JobsMessages>;
  readonly schedules: ActorRef<SchedulesMessages>;
  readonly events: ActorRef<EventsMessages>;
  /** All that were begun, in order. */
  readonly attempts: Attempt[] = [];
  readonly faults: string[] = [];
  /** Functions that are not deployed; all others are. */
  readonly undeployed = new Set<string>();
  /** What answers at once; without it, an attempt goes on until the test ends it. */
  answer: Answer | undefined;
  /** Databases whose commits get nowhere, as at the moment of a crash. */
  readonly stalled = new Set<DatabaseName>();
  /** What the disk says to the next commits. */
  diskError: Error | undefined;
  /** So many more commits get to the disk; nothing is heard of those after. */
  commitsLeft = Number.POSITIVE_INFINITY;
  #isDead = false;

  private constructor(clock: VirtualClock, store: Store, options: JobWorldOptions) {
    const { retention, undeployed = [], answer, ...queue } = options;
    this.answer = answer;
    this.clock = clock;
    this.store = store;
    for (const name of undeployed) this.undeployed.add(name);
    this.system = new ActorSystem({
      clock,
      onActorError: (path, error) => this.faults.push(`${path}: ${error.message}`),
    });
    const { jobs, schedules, events } = composeEventManagement({
      system: this.system,
      store: { ...store, database: (name) => this.#database(store.database(name), name) },
      random: () => 0.5,
      encode: (value) => encodePayload(value, { limitBytes: 6_291_456 }),
      decode: decodePayload,
      send: (request) => this.#send(request),
      isWorkflow: (name) => name.startsWith('flow'),
      describe: (name) => (this.undeployed.has(name) ? undefined : describeFunction(name, queue)),
      retention: { keepMs: 86_400_000, maxEvents: 1_000, maxBytes: 1_000_000, ...retention },
      salt: String(hosts++).padStart(4, '0'),
      dependsOn: [],
      onFault: (fault) => this.faults.push(fault),
      zones: { host: 'Europe/Zurich', rules: '1' },
    });
    this.jobs = jobs;
    this.schedules = schedules;
    this.events = events;
  }

  static async start(options: JobWorldOptions = {}, before?: JobWorld): Promise<JobWorld> {
    const [clock, store] = [before?.clock ?? new VirtualClock(), before?.store ?? (await openMemoryStore())];
    const world = new JobWorld(clock, store, options);
    world.answer ??= before?.answer;
    world.jobs.tell('begin', undefined);
    world.schedules.tell('begin', undefined);
    world.events.tell('begin', undefined);
    await world.clock.advance(0);
    return world;
  }

  /** As a crash: nothing more is written, and the next host finds what is on disk, `offMs` later. */
  crash(options?: JobWorldOptions, offMs = 0): Promise<JobWorld> {
    this.#isDead = true;
    this.clock.stepWall(offMs);
    for (const path of ['/events', '/schedules', '/jobs']) this.system.kill({ path });
    return JobWorld.start(options, this);
  }

  async enqueue(payload: unknown, options?: EnqueueOptions, queue = 'work'): Promise<Enqueued> {
    const [enqueued] = await this.enqueueMany([options === undefined ? [payload] : [payload, options]], queue);
    if (!enqueued) throw new Error('nothing was enqueued');
    return enqueued;
  }

  async enqueueMany(
    all: readonly (readonly [unknown, EnqueueOptions?])[],
    queue = 'work',
  ): Promise<readonly Enqueued[]> {
    const jobs = all.map(([payload, options]) => newJob(encodePayload(payload, LIMIT), options));
    const asked = this.jobs.ask('open', { queue });
    await this.clock.advance(0);
    const ref = await asked;
    const accepted = new Promise<readonly Enqueued[]>((resolve, refused) => {
      ref.tell('enqueue', { jobs, accepted: resolve, refused });
    });
    accepted.catch(() => undefined);
    await this.clock.advance(0);
    return accepted;
  }

  async ask<T extends Parameters<ActorRef<JobsMessages>['ask']>[0]>(type: T, body: JobsMessages[T]['body']) {
    const answer = this.jobs.ask(type, body);
    answer.catch(() => undefined);
    await this.clock.advance(0);
    return answer;
  }

  async job(id: string): Promise<JobView> {
    return (await this.ask('show', { id })) as JobView;
  }

  /** What is wrong with the lists on disk. */
  listFaults(): string[] {
    return [...new JobStore(this.store.database('jobs')).faults()];
  }

  #database(database: KeyValueStore, name: DatabaseName): KeyValueStore {
    return {
      get: (key) => database.get(key),
      range: (options) => database.range(options),
      commit: async (operations) => {
        if (this.#isDead || this.stalled.has(name) || this.commitsLeft-- <= 0) return new Promise(() => undefined);
        if (this.diskError) throw this.diskError;
        return database.commit(operations);
      },
    };
  }

  #send(request: Omit<CallRequest, 'mode' | 'chunk' | 'from'>): { cancel(): void } {
    const { functionName, payload, idempotencyKey: key, attempt = 1, timeoutMs, alive, settled } = request;
    const settle = async (act: () => void): Promise<void> => {
      act();
      await this.clock.advance(0);
    };
    const begun: Attempt = {
      function: functionName,
      payload: decodePayload(payload),
      attempt,
      key,
      atMs: this.clock.wallMs(),
      timeoutMs,
      isCancelled: false,
      beat: (progress) => alive?.(progress === undefined ? undefined : encodePayload(progress, LIMIT)),
      succeed: (result) =>
        settle(() => settled({ kind: 'succeeded', payload: encodePayload(result, LIMIT), row: ROW })),
      fail: (error = new Error('no')) =>
        settle(() => {
          const failure =
            error instanceof TroupeError ? error : new TroupeError('FUNCTION_ERROR', error.message, { cause: error });
          settled({ kind: 'failed', error: failure, row: ROW });
        }),
    };
    this.attempts.push(begun);
    if (this.answer) queueMicrotask(() => this.#answer(begun, this.answer?.(begun)));
    return {
      cancel: () => {
        begun.isCancelled = true;
        void begun.fail(new TroupeError('CANCELLED', 'The caller cancelled the call.'));
      },
    };
  }

  #answer(attempt: Attempt, answer: unknown): void {
    void (answer instanceof Error ? attempt.fail(answer) : attempt.succeed(answer));
  }
}

function describeFunction(name: string, queue: Partial<QueueConfig> | undefined): FunctionDescription {
  const config = resolveFunctionConfig({ ...(queue && { queue }) });
  return {
    name,
    versions: [{ version: 1, config }],
    aliases: [{ alias: 'current', targets: [{ version: 1, weight: 1 }] }],
  } as unknown as FunctionDescription;
}
