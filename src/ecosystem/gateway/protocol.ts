/** The HTTP gateway: what it is to whoever starts it, and what it needs of the host behind it. Types only. */
import type { FunctionConfig } from '../../config.ts';
import type { CallHistory } from '../../function-management/autoscaler/protocol.ts';
import type { FunctionSource } from '../../function-management/builder/protocol.ts';
import type { FunctionDescription } from '../../function-management/registry/protocol.ts';
import type { InvokeOptions } from '../../function-management/router/protocol.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { InvocationRecord } from '../../ledger/protocol.ts';
import type { HttpEvent, StreamHead } from '../../transport/protocol.ts';
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
  /** False once the host drains. */
  readonly isReady: boolean;
  readonly payloadLimitBytes: number;
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
