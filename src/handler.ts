/**
 * What a function looks like from the inside: the handler shapes and the context that the runtime passes. Types and one symbol, free of
 * the host: they are shared by the functions of users and by the code that runs them.
 */
import type { FunctionConfig } from './config.ts';

/** Structured log lines; each carries the invocation id. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface NestedInvokeOptions {
  /** Never longer than what remains of the calling invocation. */
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
  /** Gives up this call only; it ends with the calling invocation anyway. */
  readonly signal?: AbortSignal;
}

/** What a handler is told about its invocation. The names that AWS Lambda uses mean what they mean there. */
export interface Context {
  readonly functionName: string;
  readonly functionVersion: string;
  /** Equal to `invocationId`. */
  readonly awsRequestId: string;
  readonly invocationId: string;
  /** 0 once the timeout has passed. */
  getRemainingTimeInMillis(): number;
  /** Aborts when the caller cancels or the timeout passes. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Calls another function of the same host and resolves with its result; rejects with a `TroupeError`. */
  invoke<Result = unknown>(name: string, payload?: unknown, options?: NestedInvokeOptions): Promise<Result>;
  /**
   * Says that the call goes on: a task of a workflow with `heartbeat` fails where none comes for so long. As often as you like; what comes within
   * 50 ms of the one before is not sent.
   */
  heartbeat(): void;
  /**
   * Says how far the call has come: whoever watches the job is shown the latest value. It is a heartbeat too, and like it not sent within 50 ms of the
   * one before. At most 64 KiB.
   */
  progress(value: unknown): void;
  readonly memoryLimitInMB: number;
  /** Starts at 1; above it when the call is being repeated: after its instance was lost, or, of a job, after an attempt that failed. */
  readonly attempt: number;
  /** Stable over all attempts at one call, when the caller gave one. */
  readonly idempotencyKey: string | undefined;
}

/**
 * One job of those that a function with `queue.batch` is given in one call, as an array. It answers with nothing where all have succeeded, or with what
 * `Promise.allSettled` resolves with for each of them, in their order.
 */
export interface BatchItem<Payload = unknown> {
  /** Of the job. */
  readonly id: string;
  readonly payload: Payload;
  /** Starts at 1. */
  readonly attempt: number;
  /** Stable over all attempts at the job. */
  readonly idempotencyKey: string;
}

/** What a function is given when a schedule fires. */
export interface ScheduleEvent<Payload = unknown> {
  /** The name of the schedule. */
  readonly schedule: string;
  /** The time it fires for, in ms since the Unix epoch: the same however late it is, and at each attempt. */
  readonly scheduledAtMs: number;
  /** The same time as ISO 8601 writes it, in UTC. */
  readonly scheduledAt: string;
  readonly payload: Payload;
}

/** One event in, one result out. */
export type ValueHandler<Event = unknown, Result = unknown> = (
  event: Event,
  context: Context,
) => Result | Promise<Result>;

/** One event in, a stream of chunks out: `async function*`. */
export type StreamHandler<Event = unknown, Chunk = unknown> = (
  event: Event,
  context: Context,
) => AsyncGenerator<Chunk, unknown, undefined>;

/** Web standard: HTTP in, HTTP out. */
export interface FetchHandler {
  fetch(request: Request, context: Context): Response | Promise<Response>;
}

export type Handler = ValueHandler<never> | StreamHandler<never> | FetchHandler;

/** Standard Schema v1 (https://standardschema.dev): the common interface of zod, Valibot, ArkType and others. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardSchemaIssue[] };

export interface StandardSchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type SchemaInput<Schema> = Schema extends StandardSchema<infer Input, infer _Output> ? Input : unknown;
export type SchemaOutput<Schema> = Schema extends StandardSchema<infer _Input, infer Output> ? Output : unknown;

/** The key under which the runtime recognises what `defineFunction` returned, also across copies of this code. */
export const FUNCTION_BRAND: unique symbol = Symbol.for('troupe.function');

/** A function in its typed form, as `defineFunction` returns it. */
export interface DefinedFunction {
  readonly [FUNCTION_BRAND]: true;
  readonly handler: Handler;
  readonly config?: FunctionConfig;
  readonly input?: StandardSchema;
  readonly output?: StandardSchema;
}
