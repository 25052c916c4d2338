/** The time record of every invocation, and what each cold start was for. Types, and the order of the stamps. */
import type { ErrorCode } from '../errors.ts';

/** Where each stamp stands in a row. Stamped by the control process, in this order, in ms of its monotonic clock. */
export const STAMP = {
  /** The call came in. */
  received: 0,
  /** Function and version are known. */
  routed: 1,
  /** An instance was found, or one was asked for on behalf of waiting calls. */
  dequeued: 2,
  /** The resource scheduler chose a node for the new instance. */
  placed: 3,
  /** Its worker is up. */
  started: 4,
  /** It has loaded the function. */
  specialised: 5,
  /** The handler began: `finished` less the run time that the instance reports, for clocks are never compared across processes. */
  delivered: 6,
  /** The answer arrived. */
  finished: 7,
  /** The caller has it. */
  replied: 8,
} as const;

export type Stamp = (typeof STAMP)[keyof typeof STAMP];

export const STAMPS = Object.keys(STAMP) as readonly (keyof typeof STAMP)[];

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
