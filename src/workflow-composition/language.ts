/**
 * What a workflow language is to the engine. A language is pure: the same definition and the same state give the same decisions, and it does no
 * I/O of its own; what has to be computed elsewhere (an expression, in a sandbox) it is given a function for when it is made. Types only.
 */
import type { SerializedError } from '../errors.ts';
import type { RetryPolicy } from '../kernel/retry-policy.ts';
import type { ExecutionState } from './execution-state.ts';

export interface Language<Definition = unknown> {
  readonly name: string;
  /** Throws `WORKFLOW_INVALID` whose details are every fault at once, each with its place. */
  parse(source: string, options: { readonly file: string }): Definition;
  /** What follows from the state. It is asked after each change, takes `state.changed`, and names a step to start once. */
  decide(definition: Definition, state: ExecutionState): readonly Decision[];
  /** What a step that it has started is to do. Asked again for a retry after a restart. A rejection is a bug, not a failure of the step. */
  prepare(definition: Definition, state: ExecutionState, step: string): StepAction | Promise<StepAction>;
  /**
   * Of an execution that has failed or was cancelled: the steps of its journal that are to be as if they had never run, so that it can go on. What
   * failed, what was stopped, what was taken back, and what took it back.
   */
  redrive(definition: Definition, state: ExecutionState): readonly string[];
  /** What may run next, nearest first: at most `limit` steps. */
  outlook(definition: Definition, state: ExecutionState, limit: number): readonly UpcomingStep[];
  /** The name that a step goes by in every execution: of one turn of a loop, that of all its turns. */
  profileKey(step: string): string;
  /** For people: the steps as a graph, those of dynamic tasks included as far as they are known. */
  graph(definition: Definition, state?: ExecutionState): WorkflowGraph;
  /** What the registry shows and checks. */
  describe(definition: Definition): DefinitionSummary;
}

export type Decision =
  | { readonly kind: 'start'; readonly step: string }
  /** It runs or waits and is not needed any more. */
  | { readonly kind: 'cancel'; readonly step: string }
  /** The execution is over: its result is what this step has put out. */
  | { readonly kind: 'succeed'; readonly outputOf: string }
  | { readonly kind: 'succeed'; readonly output: unknown }
  | { readonly kind: 'fail'; readonly error: SerializedError; readonly step?: string }
  /** All that was to be taken back is taken back. */
  | { readonly kind: 'cancelled' };

export type StepAction =
  /** Calls a function, or starts a workflow of that name. */
  | {
      readonly kind: 'call';
      readonly target: string;
      readonly input: unknown;
      /** Journaled with the result, so that other steps can ask for them. */
      readonly inputs?: unknown;
      readonly timeoutMs?: number;
      /** A function that gives no sign of life for so long has failed. */
      readonly heartbeatMs?: number;
      readonly retry?: RetryPolicy;
    }
  | {
      readonly kind: 'http';
      readonly request: HttpStep;
      readonly inputs?: unknown;
      readonly timeoutMs?: number;
      readonly retry?: RetryPolicy;
    }
  /** Done already. */
  | { readonly kind: 'output'; readonly output: unknown; readonly inputs?: unknown }
  | { readonly kind: 'sleep'; readonly durationMs: number }
  | { readonly kind: 'await'; readonly signal: string; readonly timeoutMs?: number }
  | { readonly kind: 'fail'; readonly error: SerializedError };

export interface HttpStep {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface UpcomingStep {
  /** As `profileKey` gives it. */
  readonly key: string;
  /** The function, or workflow, that it calls; undefined where it takes no instance. */
  readonly target: string | undefined;
  /** Keys of the steps that have to end before it; those that are neither running nor upcoming have ended. */
  readonly after: readonly string[];
  /** The step whose outcome says whether it runs, and how often; undefined where it runs once, for certain. */
  readonly decidedBy?: string;
}

export interface GraphNode {
  readonly step: string;
  /** For people: what it runs. */
  readonly label: string;
  readonly after: readonly string[];
  /** The step in whose place it runs. */
  readonly within?: string;
}

export interface WorkflowGraph {
  readonly nodes: readonly GraphNode[];
}

export interface DefinitionSummary {
  readonly description: string;
  /** Functions and workflows that its tasks name, each where it is named first. */
  readonly targets: readonly TargetMention[];
  readonly tasks: number;
  readonly durability?: 'strict' | 'pipelined' | 'memory';
  readonly timeoutMs?: number;
}

export interface TargetMention {
  readonly name: string;
  /** For people: who names it. */
  readonly by: string;
  readonly line?: number;
  readonly column?: number;
}

/** A mistake in a definition, and where it is. Lines and columns count from 1. */
export interface WorkflowFault {
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}
