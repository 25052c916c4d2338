/**
 * What a child agent and the process that started it say to each other: control frames on their pipe. Calls do not come this way: each
 * worker has a wire of its own to that process. Nothing orders what comes on the pipe and on a wire. Types and wire constants only.
 */
import type { InstanceImage, SpecialiseOutcome } from '../../transport/instance-control.ts';
import type { RevokeOutcome } from '../../transport/lease-word.ts';
import type { WireAddress } from '../../transport/wire.ts';
import type { AgentEvent, WorkerSpec } from './protocol.ts';
import type { SpareLimits } from './spare-policy.ts';

/** The pipe between the two, in the agent. */
export const AGENT_FD = 3;

/** Passed to the agent as JSON, its one argument. */
export interface AgentProcessOptions {
  readonly memoryBudgetMb?: number;
  readonly startTimeoutMs?: number;
  readonly spares?: SpareLimits;
  readonly spin?: boolean;
}

/** Where the workers of an agent connect to for their calls, as in `WireAddress`. */
export type WireDeskAddress = Omit<WireAddress, 'wire'>;

export type AgentCommand =
  /** First of all. Not an argument of the process, for those are for all to see. */
  | { readonly type: 'wireTo'; readonly desk: WireDeskAddress }
  | { readonly type: 'startWorker'; readonly workerId: string; readonly spec: WorkerSpec }
  | { readonly type: 'stopWorker'; readonly workerId: string; readonly graceMs: number }
  /** No call is inside, and none will be: the worker may go as soon as it was told to stop. */
  | { readonly type: 'letGo'; readonly workerId: string }
  /** Calls have begun since the last time, or these workers have calls inside. */
  | { readonly type: 'callsInside'; readonly workerIds: readonly string[] }
  /** The wire of the worker is gone, and nobody knows why. */
  | { readonly type: 'wireBroken'; readonly workerId: string }
  /** The `call` of the frame matches the answer to it. */
  | { readonly type: 'specialise'; readonly workerId: string; readonly image: InstanceImage }
  /** Makes a link between two threads; answered by `linked`. */
  | { readonly type: 'link'; readonly link: number; readonly callerId: string; readonly calleeId: string }
  /** Answered by `leased`. */
  | { readonly type: 'lease'; readonly link: number }
  /** Answered by `revoked`. */
  | { readonly type: 'revoke'; readonly link: number; readonly onlyIdle: boolean }
  | { readonly type: 'shutdown'; readonly graceMs: number };

export type AgentReport =
  | { readonly type: 'event'; readonly event: Exclude<AgentEvent, { type: 'workerStarted' }> }
  /** Its wire has this number. */
  | { readonly type: 'event'; readonly event: AgentEvent & { type: 'workerStarted' }; readonly wire: number }
  | { readonly type: 'specialised'; readonly outcome: SpecialiseOutcome }
  | { readonly type: 'linked'; readonly isLinked: boolean }
  | { readonly type: 'leased' }
  | { readonly type: 'revoked'; readonly outcome: RevokeOutcome }
  /** A process group that must not outlive the agent has started or ended. */
  | { readonly type: 'group'; readonly pid: number; readonly alive: boolean }
  /** All workers have ended, as `shutdown` asked. */
  | { readonly type: 'stopped' };
