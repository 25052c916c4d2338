/**
 * The embedding API: one host inside one program. Checks what users pass and hands it to the actors.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkFunctionName,
  DEFAULT_HOST,
  DEFAULT_PORT,
  type FunctionConfig,
  type HostOptions,
  resolveHostConfig,
} from './config.ts';
import type { Backup, DataCheck } from './ecosystem/data-management/protocol.ts';
import type { Enqueued, EnqueueOptions, JobView } from './ecosystem/event-management/protocol.ts';
import type { Gateway } from './ecosystem/gateway/protocol.ts';
import { hostStats } from './ecosystem/monitoring/host-stats.ts';
import type { FunctionDetails, FunctionLogLine, HostStats, LogFilter } from './ecosystem/monitoring/protocol.ts';
import { TroupeError } from './errors.ts';
import { Events } from './events.ts';
import { fetchFunction } from './fetch-function.ts';
import type { CallHistory } from './function-management/autoscaler/protocol.ts';
import type { FunctionSource } from './function-management/builder/protocol.ts';
import type { FunctionDescription } from './function-management/registry/protocol.ts';
import type { InvokeOptions } from './function-management/router/protocol.ts';
import { Jobs } from './jobs.ts';
import { holdProcess } from './kernel/process-hold.ts';
import type { InvocationRecord } from './ledger/protocol.ts';
import { type Runtime, startRuntime } from './runtime.ts';
import { Schedules } from './schedules.ts';
import type { HttpEvent, StreamHead } from './transport/protocol.ts';
import { Workflows } from './workflows.ts';

export interface DeployOptions extends FunctionConfig {
  /** 1 to 63 lower-case letters, digits and hyphens. */
  readonly name: string;
  /** A path of a file or directory, a file URL, or `{ code, language: 'js' | 'ts' }`. */
  readonly source: FunctionSource;
}

export interface Deployed {
  readonly name: string;
  readonly version: number;
  /** False when this very source with these very options was current already. */
  readonly isNew: boolean;
  /** True when an earlier build of the same source served. */
  readonly reused: boolean;
  readonly bytes: number;
  readonly buildMs: number;
}

export interface InvocationDetails<Result> {
  readonly result: Result;
  readonly invocation: InvocationRecord;
}

export interface HttpAnswer {
  readonly head: Promise<StreamHead>;
  readonly body: AsyncIterableIterator<Uint8Array, undefined>;
}

export interface ListenOptions {
  /** 0 takes any free port; the default is 4460. */
  readonly port?: number;
  /** A loopback address; the default is 127.0.0.1. */
  readonly address?: string;
}

/** Methods of one function, typed: `proxy<Api>(name).method(argument)` calls it with `{ method, args }`. */
export type FunctionProxy<Api> = {
  readonly [Method in keyof Api]: Api[Method] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** Starts a host. Rejects with `CONFIG_INVALID`, `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE` or `SCHEMA_TOO_NEW`. */
export async function createTroupe(options: HostOptions = {}): Promise<Troupe> {
  return new Troupe(await holdProcess(startRuntime(resolveHostConfig(options))));
}

export class Troupe implements AsyncDisposable {
  /** Durable workflows: deploys and starts them, and looks after their executions. */
  readonly workflows: Workflows;
  /** Durable jobs: looks after those that were enqueued. */
  readonly jobs: Jobs;
  /** Durable schedules: have a function called at certain times. */
  readonly schedules: Schedules;
  /** Events, and triggers that start functions with them. */
  readonly events: Events;
  readonly #runtime: Runtime;
  readonly #gateways = new Set<Gateway>();

  /** @internal Use `createTroupe`. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.workflows = new Workflows(runtime);
    this.jobs = new Jobs(runtime);
    this.schedules = new Schedules(runtime);
    this.events = new Events(runtime);
  }

  /**
   * Builds the source, checks that it loads, and makes it the current version; the version before it drains. Resolves once the new
   * version is on disk and can be called. A deploy that rejects has changed nothing.
   */
  async deploy({ name, source, ...config }: DeployOptions): Promise<Deployed> {
    checkFunctionName(name);
    this.#checkReady();
    const request = { name, source: checkSource(source), config };
    const { hold, deployer } = this.#runtime;
    const outcome = await hold.while(deployer.ask('deploy', request, { timeoutMs: DEPLOY_TIMEOUT_MS }));
    const { version, isNew, reused, buildMs } = outcome;
    return { name, version: version.version, isNew, reused, bytes: version.artifact.bytes, buildMs };
  }

  /** Calls a function and resolves with its result. Rejects with a `TroupeError`; the function's own error is its `cause`. */
  invoke<Result = unknown>(name: string, payload?: unknown, options?: InvokeOptions): Promise<Result> {
    return this.#runtime.caller.call(name, payload, options) as Promise<Result>;
  }

  /** As `invoke`, with the record of where the time went. */
  async invokeWithDetails<Result = unknown>(
    name: string,
    payload?: unknown,
    options?: InvokeOptions,
  ): Promise<InvocationDetails<Result>> {
    const { result, invocation } = await this.#runtime.caller.invoke(name, payload, options);
    return { result: result as Result, invocation };
  }

  /**
   * Calls a function that yields, and yields what it yields. The function is at most a few chunks ahead of the loop; leaving the loop
   * cancels the call.
   */
  stream<Chunk = unknown>(
    name: string,
    payload?: unknown,
    options?: InvokeOptions,
  ): AsyncIterableIterator<Chunk, undefined> {
    return this.#runtime.caller.stream(name, payload, options) as AsyncIterableIterator<Chunk, undefined>;
  }

  /**
   * Has a function, or workflow, called later, and again until it succeeds: resolves with the id of the job once it is on disk. At least once: the
   * function is told the same `context.idempotencyKey` each time. `jobs.enqueueMany` takes many at once.
   */
  enqueue(name: string, payload?: unknown, options?: EnqueueOptions): Promise<Enqueued> {
    return this.jobs.enqueue(name, payload, options);
  }

  /** How a job stands. Rejects with `JOB_NOT_FOUND`. */
  job(id: string): Promise<JobView> {
    return this.jobs.get(id);
  }

  /** Hands an HTTP request to a function: the head of its answer, then the body as it comes. */
  http(name: string, event: HttpEvent, options?: InvokeOptions): HttpAnswer {
    return this.#runtime.caller.http(name, event, options);
  }

  /** Answers a web-standard request with a function, as the gateway's `/fn/:name/*` does. */
  async fetch(name: string, request: Request, options?: InvokeOptions): Promise<Response> {
    return fetchFunction(this.#runtime.caller, name, request, options);
  }

  /** Typed methods of a function that dispatches on `{ method, args }`. */
  proxy<Api>(name: string, options?: InvokeOptions): FunctionProxy<Api> {
    const call = (method: string | symbol) =>
      // A promise-like proxy would be called by every `await` that it passes through.
      typeof method === 'symbol' || method === 'then'
        ? undefined
        : (...args: unknown[]) => this.invoke(name, { method, args }, options);
    return new Proxy({}, { get: (_, method) => call(method) }) as FunctionProxy<Api>;
  }

  /** Every function with its versions and aliases. */
  list(): Promise<readonly FunctionDescription[]> {
    const { hold, registry } = this.#runtime;
    return hold.while(registry.ask('list', undefined));
  }

  /** One function: versions, aliases, instances and what the autoscaler wants. Rejects with `FUNCTION_NOT_FOUND`. */
  async describe(name: string): Promise<FunctionDetails> {
    const { hold, registry, deployer, autoscaler, ledger } = this.#runtime;
    const [description, instances, scaling] = await hold.while(
      Promise.all([
        registry.ask('describe', { name }),
        deployer.ask('instances', { name }),
        autoscaler.ask('describe', { name }),
      ]),
    );
    return { ...description, instances, ...scaling, latest: ledger.latest(LATEST_SHOWN, name) };
  }

  /** Points an alias at one version, or splits it between several by weight. Moving `current` to an older version is a rollback. */
  async setAlias(
    name: string,
    alias: string,
    target: number | readonly { version: number; weight: number }[],
  ): Promise<void> {
    this.#checkReady();
    const targets = typeof target === 'number' ? [{ version: target, weight: 1 }] : target;
    const { hold, registry } = this.#runtime;
    await hold.while(registry.ask('setAlias', { name, alias, targets }));
  }

  async removeAlias(name: string, alias: string): Promise<void> {
    this.#checkReady();
    const { hold, registry } = this.#runtime;
    await hold.while(registry.ask('removeAlias', { name, alias }));
  }

  /** Removes a function with all its versions. Calls inside finish; calls that wait are answered with `FUNCTION_NOT_FOUND`. */
  async remove(name: string): Promise<void> {
    this.#checkReady();
    const { hold, deployer } = this.#runtime;
    await hold.while(deployer.ask('remove', { name }));
  }

  /** The latest log lines, oldest first. */
  logs(filter?: LogFilter): FunctionLogLine[] {
    return this.#runtime.logs.latest(filter);
  }

  /** Calls back for every log line from now on; the answer ends it. */
  followLogs(follower: (line: FunctionLogLine) => void, functionName?: string): () => void {
    return this.#runtime.logs.follow(functionName, follower);
  }

  /** The latest invocations with their phases, newest first. */
  invocations(limit = LATEST_SHOWN, functionName?: string): InvocationRecord[] {
    return this.#runtime.ledger.latest(limit, functionName);
  }

  /**
   * When functions were called: calls by the minute of the wall clock, up to now, of the last two weeks at most. `troupe simulate` replays it. With a
   * data directory it outlives the host; a host that dies takes up to ten minutes of it along.
   */
  history(): Promise<CallHistory> {
    const { hold, autoscaler } = this.#runtime;
    return hold.while(autoscaler.ask('history', undefined));
  }

  /** What every component does now. */
  stats(): Promise<HostStats> {
    return this.#runtime.hold.while(hostStats(this.#runtime));
  }

  /** The same numbers in the text format of Prometheus. */
  async metrics(): Promise<string> {
    // Loaded when first asked for: the library costs more than a start of the host should.
    const { renderMetrics } = await import('./ecosystem/monitoring/metrics.ts');
    return renderMetrics(await this.stats());
  }

  /** Reads every record and the code of every function, and says what is damaged or does not fit together. Changes nothing. */
  async check(): Promise<DataCheck> {
    this.#checkReady();
    const { hold, data } = this.#runtime;
    return hold.while(data.check());
  }

  /**
   * Copies everything that was acknowledged so far, while the host goes on, to a data directory of its own: it must not be there, or be empty. Rejects
   * with `INVALID_ARGUMENT`, `CONFLICT` (also of a host in memory) or `DATA_DIR_UNUSABLE`; then there is nothing.
   */
  async backup(directory: string): Promise<Backup> {
    this.#checkReady();
    if (typeof directory !== 'string' || directory === '')
      throw new TroupeError('INVALID_ARGUMENT', 'backup takes the path of a directory that is not there yet.');
    const { hold, data } = this.#runtime;
    return hold.while(data.backUp(directory));
  }

  /**
   * Opens the HTTP gateway. It is closed with the host, or by its own `close`. Rejects with `PORT_IN_USE`, or with `BIND_REFUSED` for an
   * address beyond loopback.
   */
  async listen({ port = DEFAULT_PORT, address = DEFAULT_HOST }: ListenOptions = {}): Promise<Gateway> {
    // Loaded when first asked for: an embedded host often has no gateway.
    const { startGateway } = await import('./ecosystem/gateway/gateway.ts');
    const gateway = await startGateway({ host: this, port, address });
    this.#gateways.add(gateway);
    return gateway;
  }

  /** False from the beginning of `close`. */
  get isReady(): boolean {
    return !this.#runtime.isClosing;
  }

  /** The largest payload and result, in bytes. */
  get payloadLimitBytes(): number {
    return this.#runtime.config.payloadLimitBytes;
  }

  /** Takes no more calls, lets those inside finish for up to `drainTimeoutMs`, then stops everything. Idempotent. */
  async close(): Promise<void> {
    // Requests inside finish while the calls they made drain.
    await Promise.all([this.#runtime.close(), ...[...this.#gateways].map((gateway) => gateway.close())]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkReady(): void {
    if (this.isReady) return;
    throw new TroupeError('SHUTTING_DOWN', 'The host is closing, or closed, and changes nothing any more.');
  }
}

/** Longer than any build is allowed to take. */
const DEPLOY_TIMEOUT_MS = 660_000;
const LATEST_SHOWN = 20;

function checkSource(source: unknown): FunctionSource {
  if (typeof source === 'string' && source !== '') return resolve(source);
  if (source instanceof URL) {
    if (source.protocol === 'file:') return fileURLToPath(source);
    throw new TroupeError('INVALID_ARGUMENT', `A source URL must be a file: URL, not ${source.protocol}`);
  }
  if (typeof source === 'object' && source !== null && 'code' in source && typeof source.code === 'string') {
    const language = 'language' in source ? source.language : undefined;
    if (language === 'js' || language === 'ts') return { code: source.code, language };
    throw new TroupeError('INVALID_ARGUMENT', `source.language must be 'js' or 'ts', not ${JSON.stringify(language)}.`);
  }
  throw new TroupeError('INVALID_ARGUMENT', "source must be a path, a file: URL, or { code, language: 'js' | 'ts' }.");
}
