/**
 * What a child agent and the process that started it say to each other: control frames on port 0 of their pipe. Each worker's calls have
 * a port of their own on the same pipe. Types and wire constants only.
 */
import type { InstanceImage, SpecialiseOutcome } from '../../transport/instance-control.ts';
import type { RevokeOutcome } from '../../transport/lease-word.ts';
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

export type AgentCommand =
  | { readonly type: 'startWorker'; readonly workerId: string; readonly spec: WorkerSpec; readonly port: number }
  | { readonly type: 'stopWorker'; readonly workerId: string; readonly graceMs: number }
  /** The `call` of the frame matches the answer to it. */
  | { readonly type: 'specialise'; readonly workerId: string; readonly image: InstanceImage }
  /** Makes a link between two threads; answered by `linked`. */
  | { readonly type: 'link'; readonly link: number; readonly callerId: string; readonly calleeId: string }
  | { readonly type: 'lease'; readonly link: number }
  /** Answered by `revoked`. */
  | { readonly type: 'revoke'; readonly link: number; readonly onlyIdle: boolean }
  | { readonly type: 'shutdown'; readonly graceMs: number };

export type AgentReport =
  | { readonly type: 'event'; readonly event: AgentEvent }
  | { readonly type: 'specialised'; readonly outcome: SpecialiseOutcome }
  | { readonly type: 'linked'; readonly isLinked: boolean }
  | { readonly type: 'revoked'; readonly outcome: RevokeOutcome }
  /** A process group that must not outlive the agent has started or ended. */
  | { readonly type: 'group'; readonly pid: number; readonly alive: boolean }
  /** All workers have ended, as `shutdown` asked. */
  | { readonly type: 'stopped' };
