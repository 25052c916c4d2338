/**
 * R4, the node agent: starts, stops and watches workers on one node. A worker is a thread or a process that runs the instance runtime;
 * the agent does not know which function is in it. Types only.
 *
 * An agent is reached through an `AgentLink`: directly when it is inline, over a pipe when it is a child process. Nothing above the link
 * may assume that the two share memory or a clock, so durations travel, times do not.
 */
import type { SerializedError } from '../../errors.ts';
import type { WorkerControl } from '../../transport/instance-control.ts';
import type { Channel } from '../../transport/protocol.ts';

export type WorkerKind = 'thread' | 'process';

export interface WorkerSpec {
  /** What workers of one kind of work share: back-off counts per group. For a function it is `name@version`. */
  readonly group: string;
  readonly kind: WorkerKind;
  /** Charged to the budget, and enforced by the agent. */
  readonly memoryMb: number;
  /** The part of a busy thread that it is expected to use, 0 to 1 and above. */
  readonly cpuShares: number;
  readonly priority: 'high' | 'normal' | 'background';
}

export type WorkerStopReason =
  /** Told to. */
  | 'requested'
  /** Over its memory limit. */
  | 'out-of-memory'
  /** An uncaught exception or unhandled rejection, a signal, or an abort. */
  | 'crashed'
  /** It called `process.exit`. */
  | 'exited'
  /** It never came up. */
  | 'start-failed'
  /** It could not be stopped: its thread is stuck where nothing can interrupt it, and was abandoned. */
  | 'abandoned'
  /** Its agent went away. */
  | 'agent-lost';

export interface WorkerStopped {
  readonly workerId: string;
  readonly reason: WorkerStopReason;
  /** What is known of the cause: the uncaught error, or exit code and the end of standard error. */
  readonly error?: SerializedError;
}

/** What one worker uses. A number that cannot be known on this platform or for this kind is absent. */
export interface WorkerSample {
  readonly workerId: string;
  /** Processes only: threads share the resident memory of their agent. */
  readonly residentMb?: number;
  readonly heapUsedMb?: number;
  readonly externalMb?: number;
  /** CPU time since the last sample over the time since then; 1 is one busy core. */
  readonly cpu?: number;
  /** 0 to 1. */
  readonly eventLoopUtilization?: number;
}

export interface AgentSample {
  readonly residentMb: number;
  readonly cpu: number;
  readonly eventLoopUtilization: number;
  readonly workers: readonly WorkerSample[];
}

export type AgentEvent =
  /** First of all events. */
  | { readonly type: 'agentReady'; readonly pid: number }
  /** `startMs` is how long the start took, by the agent's own clock. */
  | { readonly type: 'workerStarted'; readonly workerId: string; readonly startMs: number }
  | ({ readonly type: 'workerStopped' } & WorkerStopped)
  /** At least every `HEARTBEAT_MS` while the agent has workers. */
  | { readonly type: 'heartbeat'; readonly sample: AgentSample }
  /** The agent holds an abandoned thread or is over its own memory: take nothing new to it, drain it, replace it. */
  | { readonly type: 'agentImpaired'; readonly reason: string }
  /** Last of all events: the process is gone, with every worker in it. No `workerStopped` comes for these. */
  | { readonly type: 'agentLost'; readonly error: SerializedError };

/** The near end of an agent. Every method returns at once; what follows arrives as an event. */
export interface AgentLink {
  readonly agentId: string;
  readonly kind: 'inline' | 'process';
  /** Exactly one listener; events that come before it is set are kept for it. */
  onEvent(listener: (event: AgentEvent) => void): void;
  startWorker(workerId: string, spec: WorkerSpec): void;
  /** Such a worker may be started in a moment: a spare that would serve wakes up meanwhile. */
  expectWorker?(expected: Pick<WorkerSpec, 'kind' | 'memoryMb'>): void;
  /** Waits `graceMs` for the worker to end by itself, then ends it. Unknown ids are ignored. */
  stopWorker(workerId: string, graceMs: number): void;
  /** The call channel of a worker, from `workerStarted` on. It closes with an error when the worker or the agent is lost. */
  channel(workerId: string): Channel;
  /** The control port of a worker, from `workerStarted` on. */
  control(workerId: string): WorkerControl;
  /** Stops all workers, then the agent. Resolves when both have ended. */
  shutdown(graceMs: number): Promise<void>;
  /** Ends the agent at once, as a crash would. Inline agents only stop their workers. */
  kill(): void;
}

export const HEARTBEAT_MS = 1_000;

/** Makes an agent; given to the resource manager, which calls it again when an agent was lost. */
export type StartAgent = (agentId: string) => AgentLink;
