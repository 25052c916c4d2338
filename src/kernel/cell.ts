/** What the parts of the kernel know of an actor at run time, and what that needs of the system that hosts it. Types only. */
import type { TroupeError } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Dispatchable } from './dispatcher.ts';
import type { Incarnation } from './incarnation.ts';
import type { Envelope } from './mailbox.ts';
import type { ActorContext, ActorDefinition, ActorStats, DeadLetterReason, Terminated } from './protocol.ts';
import type { SupervisionAction } from './supervision.ts';

export interface Cell extends Dispatchable {
  readonly path: string;
  readonly definition: ActorDefinition<never>;
  readonly parent: Cell | undefined;
  /** The life of the parent that spawned this actor: a failure escalates to no other. */
  readonly parentLife: Incarnation | undefined;
  readonly children: Set<Cell>;
  readonly watchers: Set<(terminated: Terminated) => void>;
  /** Present once the actor has ended. */
  readonly terminated: Terminated | undefined;
  /** Undefined when the message is in the mailbox, else why it is not. */
  put(envelope: Envelope): DeadLetterReason | undefined;
  /** Runs a callback in this actor's own turn, ahead of user messages. Dropped once its owner is over. */
  putCallback(owner: Incarnation, callback: () => void | Promise<void>): void;
  stats(): ActorStats;
  stop(): Promise<void>;
  kill(): void;
}

export interface CellHost {
  readonly clock: Clock;
  readonly deadLetters: DeadLetters;
  /** Asks for a turn: the system will call `turn()` soon. */
  schedule(cell: Cell): void;
  contextFor(cell: Cell, incarnation: Incarnation): ActorContext<never>;
  stopChildren(cell: Cell): Promise<void>;
  /** Hears of every failure and of what follows it. */
  failed(cell: Cell, error: TroupeError, action: SupervisionAction): void;
  ended(cell: Cell): void;
}

export interface CellOptions extends Pick<Cell, 'path' | 'definition' | 'parent' | 'parentLife'> {
  readonly host: CellHost;
}
