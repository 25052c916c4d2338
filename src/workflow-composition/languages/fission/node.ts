/**
 * A step as `decide` sees it, and what runs in its place once it has put out more work. All of it is derived: it can be made again from the
 * definition and the journal, and none of it is journaled.
 *
 * Every place where work can stand is a node. Some are no steps of their own: the whole workflow, and a nested one, are nodes without a task whose
 * expansion is there from the beginning. So a failure goes up, and an output comes up, in one way only.
 */
import type { SerializedError } from '../../../errors.ts';
import type { ExecutionState } from '../../execution-state.ts';
import type { Body, FissionDefinition, Flow, Task } from './definition.ts';
import type { Expressions } from './expression.ts';

export type NodeStatus =
  /** For others to end. */
  | 'waiting'
  /** To be started at the next occasion. */
  | 'ready'
  | 'started'
  /** It has put out work, which runs. */
  | 'expanded'
  | 'succeeded'
  /** For good; what catches it may still run. */
  | 'failed'
  | 'cancelled';

/** `wait` and `check` are the steps between two turns of a `while`. */
export type Duty = 'run' | 'wait' | 'check';

export interface Node {
  /** Empty for the workflow as a whole. */
  readonly step: string;
  /** The name that expressions of its siblings know it by. */
  readonly id: string;
  readonly task: Task | undefined;
  readonly duty: Duty;
  /** The node that it belongs to. */
  readonly owner: Node | undefined;
  readonly relation: 'member' | 'catch' | 'compensate';
  /** Among the turns of a loop. */
  readonly index: number;
  readonly depth: number;
  /** It, or a node above it, takes something back. */
  readonly isUndoing: boolean;
  /** How many others it waits for. */
  waiting: number;
  status: NodeStatus;
  expansion: Expansion | undefined;
  /** Runs in its place since it failed. */
  catching: Node | undefined;
  compensation: Node | undefined;
  error: SerializedError | undefined;
  /** Decoded once. */
  value: { readonly value: unknown } | undefined;
}

export interface Place {
  readonly kind: 'place';
  readonly child: Node;
}

export interface FlowExpansion {
  readonly kind: 'flow';
  readonly flow: Flow;
  readonly members: Map<string, Node>;
  remaining: number;
}

export interface EachExpansion {
  readonly kind: 'each';
  readonly body: Body;
  readonly items: readonly unknown[];
  readonly isSequential: boolean;
  readonly collects: boolean;
  readonly children: Node[];
  remaining: number;
}

export interface TimesExpansion {
  readonly kind: 'times';
  readonly body: Body;
  readonly times: number;
  readonly children: Node[];
}

export interface WhileExpansion {
  readonly kind: 'while';
  readonly body: Body;
  readonly limit: number;
  readonly delayMs: number;
  /** What the loop had been given as `_prev`. */
  readonly initial: { readonly value: unknown } | undefined;
  /** The turns. */
  readonly children: Node[];
  /** What stands between them. */
  readonly between: Node[];
}

export type Expansion = Place | FlowExpansion | EachExpansion | TimesExpansion | WhileExpansion;

export interface Failure {
  readonly error: SerializedError;
  readonly step: string;
}

export interface Run {
  readonly definition: FissionDefinition;
  readonly state: ExecutionState;
  readonly expressions: Expressions;
  readonly root: Node;
  /** By step. */
  readonly nodes: Map<string, Node>;
  /** In the order in which they are to start. Some may have ended or been cancelled since. */
  readonly ready: Node[];
  /** Started, and not needed any more. */
  readonly cancels: string[];
  /** Steps that the journal knows of before their nodes are there. */
  readonly early: Set<string>;
  /** Of those, whose nodes are there now. */
  readonly unsettled: string[];
  /** Started and not ended. */
  readonly active: Set<Node>;
  /** What has succeeded and can be taken back, in the order of success. */
  readonly undo: Node[];
  readonly undoFailures: Failure[];
  failure: Failure | undefined;
  /** Nothing new starts but what takes back. */
  isBackward: boolean;
  compensating: Node | undefined;
  /** The last decision has been made. */
  isDecided: boolean;
  invocation: Readonly<Record<string, unknown>> | undefined;
}

export function isFinished({ status }: Node): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}

export function childrenOf({ expansion }: Node): readonly Node[] {
  if (expansion === undefined) return [];
  switch (expansion.kind) {
    case 'place':
      return [expansion.child];
    case 'flow':
      return [...expansion.members.values()];
    case 'while':
      return [...expansion.children, ...expansion.between];
    default:
      return expansion.children;
  }
}
