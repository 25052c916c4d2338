/** The time record of every invocation, and what each cold start was for. Types, and the order of the stamps. */
import type { ErrorCode } from '../errors.ts';

/** Stamped by the control process, in this order, in ms of its monotonic clock. */
export interface Stamps {
  /** The call came in. */
  received: number;
  /** Function and version are known. */
  routed: number;
  /** An instance was found, or one was asked for on behalf of waiting calls. */
  dequeued: number;
  /** The resource scheduler chose a node for the new instance. */
  placed: number;
  /** Its worker is up. */
  started: number;
  /** It has loaded the function. */
  specialised: number;
  /** The handler began: `finished` less the run time that the instance reports, for clocks are never compared across processes. */
  delivered: number;
  /** The answer arrived. */
  finished: number;
  /** The caller has it. */
  replied: number;
}

export const STAMPS = [
  'received',
  'routed',
  'dequeued',
  'placed',
  'started',
  'specialised',
  'delivered',
  'finished',
  'replied',
] as const satisfies readonly (keyof Stamps)[];

/** Neighbouring stamps give one phase each. */
export const PHASES = ['route', 'queue', 'place', 'start', 'specialise', 'deliver', 'run', 'reply'] as const;

export type Phase = (typeof PHASES)[number];

export type ColdStartReason =
  /** The function's first instance ever. */
  | 'first'
  /** The version had instances, and none is left. */
  | 'scaled-to-zero'
  /** All instances that there are were busy. */
  | 'burst'
  /** This version's first instance; other versions had some. */
  | 'new-version'
  /** In place of an instance that was lost. */
  | 'replaced';

export type InvocationStatus = 'succeeded' | ErrorCode;

export interface InvocationRecord {
  readonly id: string;
  readonly functionName: string;
  /** Absent when the call ended before it was routed. */
  readonly functionVersion?: number;
  readonly instanceId?: string;
  readonly status: InvocationStatus;
  /** Present when the call waited for its instance to start. */
  readonly coldStart?: ColdStartReason;
  readonly attempt: number;
  readonly depth: number;
  /** Milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
  readonly phasesUs: Readonly<Record<Phase, number>>;
  readonly totalUs: number;
}
