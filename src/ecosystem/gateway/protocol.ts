/** The HTTP gateway: what it is to whoever starts it, and what it needs of the host behind it. Types only. */
import type { FunctionConfig } from '../../config.ts';
import type { CallHistory } from '../../function-management/autoscaler/protocol.ts';
import type { FunctionSource } from '../../function-management/builder/protocol.ts';
import type { FunctionDescription } from '../../function-management/registry/protocol.ts';
import type { InvokeOptions } from '../../function-management/router/protocol.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { InvocationRecord } from '../../ledger/protocol.ts';
import type { HttpEvent, StreamHead } from '../../transport/protocol.ts';
import type { Durability, RequestParts } from '../../workflow-composition/events.ts';
import type { ExecutionStatus } from '../../workflow-composition/execution-state.ts';
import type { ExecutionQuery, ExecutionSummary } from '../../workflow-composition/execution-store/protocol.ts';
import type { WorkflowDescription } from '../../workflow-composition/registry/protocol.ts';
import type { Backup, DataCheck } from '../data-management/protocol.ts';
import type {
  Backfilled,
  BackfillRange,
  Enqueued,
  EnqueueOptions,
  EventQuery,
  EventView,
  JobChange,
  JobFilter,
  JobQuery,
  JobStatus,
  JobView,
  Published,
  QueueView,
  ScheduleDetails,
  ScheduleOptions,
  ScheduleQuery,
  ScheduleSet,
  ScheduleView,
  Trigger,
  TriggerOptions,
  TriggerView,
} from '../event-management/protocol.ts';
import type { FunctionDetails, FunctionLogLine, HostStats, LogFilter } from '../monitoring/protocol.ts';

/** The embedding API, as far as the gateway speaks it. */
export interface GatewayHost {
  deploy(options: FunctionConfig & { readonly name: string; readonly source: FunctionSource }): Promise<{
    readonly name: string;
    readonly version: number;
    readonly isNew: boolean;
    readonly reused: boolean;
    readonly bytes: number;
    readonly buildMs: number;
  }>;
  invokeWithDetails(
    name: string,
    payload: unknown,
    options: InvokeOptions,
  ): Promise<{ readonly result: unknown; readonly invocation: InvocationRecord }>;
  stream(name: string, payload: unknown, options: InvokeOptions): AsyncIterableIterator<unknown, undefined>;
  /** Hands a request to a function; the head comes before the body. */
  http(
    name: string,
    event: HttpEvent,
    options: InvokeOptions,
  ): { readonly head: Promise<StreamHead>; readonly body: AsyncIterableIterator<Uint8Array, undefined> };
  list(): Promise<readonly FunctionDescription[]>;
  describe(name: string): Promise<FunctionDetails>;
  setAlias(
    name: string,
    alias: string,
    target: number | readonly { readonly version: number; readonly weight: number }[],
  ): Promise<void>;
  removeAlias(name: string, alias: string): Promise<void>;
  remove(name: string): Promise<void>;
  logs(filter?: LogFilter): FunctionLogLine[];
  followLogs(follower: (line: FunctionLogLine) => void, functionName?: string): () => void;
  /** Calls of each function by the minute. */
  history(): Promise<CallHistory>;
  stats(): Promise<HostStats>;
  /** Every component's numbers in the text format of Prometheus. */
  metrics(): Promise<string>;
  readonly workflows: GatewayWorkflows;
  readonly schedules: GatewaySchedules;
  readonly events: GatewayEvents;
  readonly jobs: GatewayJobs;
  check(): Promise<DataCheck>;
  /** To an absolute path of this machine. */
  backup(directory: string): Promise<Backup>;
  /** False once the host drains. */
  readonly isReady: boolean;
  readonly payloadLimitBytes: number;
}

/** Events and triggers. Whatever names a trigger that is not there rejects with `TRIGGER_NOT_FOUND`. */
export interface GatewayEvents {
  /** Rejects with `INVALID_ARGUMENT` and every fault at once; then none is published. */
  publishReceived(events: readonly unknown[], isMany: boolean): Promise<readonly Published[]>;
  list(query: EventQuery): Promise<readonly EventView[]>;
  /** Rejects with `EVENT_NOT_FOUND`. */
  get(source: string, id: string): Promise<EventView>;
  /** Those to come, or those behind one; ends when the signal aborts. */
  follow(options: GatewayFollowOptions): AsyncGenerator<EventView, undefined>;
  on(name: string, options: TriggerOptions): Promise<Trigger & { readonly isNew: boolean }>;
  off(name: string): Promise<void>;
  triggers(): Promise<readonly TriggerView[]>;
  trigger(name: string): Promise<TriggerView>;
}

export interface GatewayFollowOptions {
  readonly type?: string;
  readonly source?: string;
  readonly after?: number;
  readonly signal: AbortSignal;
}

/** Workflows and their executions. Whatever names an execution that is not there rejects with `EXECUTION_NOT_FOUND`. */
export interface GatewayWorkflows {
  /** Rejects with `WORKFLOW_INVALID`: `details.faults` has every fault with its line and column. */
  deploy(options: {
    readonly name: string;
    readonly source: string | URL | { readonly code: string; readonly language: 'yaml' };
  }): Promise<{ readonly name: string; readonly version: number; readonly isNew: boolean }>;
  list(): Promise<readonly WorkflowDescription[]>;
  describe(name: string): Promise<WorkflowDescription>;
  setAlias(name: string, alias: string, version: number): Promise<void>;
  remove(name: string): Promise<void>;
  start(name: string, input: unknown, options: GatewayStartOptions): Promise<StartedGatewayExecution>;
  /** Looks at nothing: its methods do. */
  execution(id: string): GatewayExecution;
  executions(query: ExecutionQuery): Promise<readonly ExecutionSummary[]>;
  /** Calls back for each event, those of the past first; resolves when the execution has ended, or the signal aborts. */
  watch(id: string, listener: (event: object) => void, signal: AbortSignal): Promise<void>;
}

/** Whatever names a schedule that is not there rejects with `SCHEDULE_NOT_FOUND`. */
export interface GatewaySchedules {
  set(name: string, options: ScheduleOptions): Promise<ScheduleSet>;
  list(query: ScheduleQuery): Promise<readonly ScheduleView[]>;
  get(name: string): Promise<ScheduleDetails>;
  pause(name: string): Promise<ScheduleView>;
  resume(name: string): Promise<ScheduleView>;
  remove(name: string): Promise<void>;
  backfill(name: string, range: BackfillRange): Promise<Backfilled>;
}

/** Durable jobs. Whatever names one that is not there rejects with `JOB_NOT_FOUND`; a name that nobody has, with `FUNCTION_NOT_FOUND`. */
export interface GatewayJobs {
  enqueue(name: string, payload: unknown, options?: EnqueueOptions): Promise<Enqueued>;
  /** All or none; rejects with `INVALID_ARGUMENT` where there are too many. */
  enqueueMany(
    name: string,
    requests: readonly (EnqueueOptions & { readonly payload?: unknown })[],
  ): Promise<readonly Enqueued[]>;
  get(id: string): Promise<JobView>;
  list(query: JobQuery): Promise<readonly JobView[]>;
  /** Resolves when it has succeeded, however long that takes. */
  result(id: string): Promise<unknown>;
  cancel(id: string): Promise<JobStatus>;
  retry(id: string): Promise<JobStatus>;
  retryDead(query: { readonly function?: string }): Promise<number>;
  purgeDead(query: { readonly function?: string }): Promise<number>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  queues(): Promise<readonly QueueView[]>;
  queue(name: string): Promise<QueueView>;
  /** Calls back for every change from now on; the answer ends it. */
  watch(listener: (change: JobChange) => void, filter: JobFilter): () => void;
}

export interface GatewayStartOptions extends RequestParts {
  readonly id?: string;
  readonly version?: number;
  readonly alias?: string;
  readonly timeoutMs?: number;
  readonly durability?: Durability;
}

export interface GatewayExecution {
  readonly id: string;
  /** Resolves when it has ended, however long that takes. */
  result(): Promise<unknown>;
  status(): Promise<{ readonly status: ExecutionStatus }>;
  signal(name: string, payload: unknown): Promise<void>;
  cancel(reason?: string): Promise<ExecutionStatus>;
  pause(): Promise<ExecutionStatus>;
  resume(): Promise<ExecutionStatus>;
  redrive(): Promise<ExecutionStatus>;
  history(): Promise<readonly object[]>;
}

export interface StartedGatewayExecution extends GatewayExecution {
  readonly workflow: string;
  readonly version: number;
  /** False where there was one of that id already. */
  readonly isNew: boolean;
}

export interface GatewayOptions {
  readonly host: GatewayHost;
  /** 0 takes any free one. */
  readonly port: number;
  /** A loopback address, or `localhost`. */
  readonly address: string;
  readonly clock?: Clock;
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, lets the requests inside finish for up to `timeoutMs` (default 10 s), then breaks them off. Idempotent. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
}
