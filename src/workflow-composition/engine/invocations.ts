/** Calls of workflows as functions: which execution each waits for, and what it is told. */
import { deserializeError, TroupeError } from '../../errors.ts';
import type { WorkflowCall } from '../../function-management/router/protocol.ts';
import { EMPTY } from '../../transport/protocol.ts';
import type { ExecutionResult } from './protocol.ts';

export class Invocations {
  readonly #executions = new Map<WorkflowCall, string>();
  /** By execution: it may leave memory and come back while somebody waits. */
  readonly #calls = new Map<string, WorkflowCall>();
  #allSettled: (() => void) | undefined;

  begin(call: WorkflowCall, executionId: string): void {
    this.#executions.set(call, executionId);
    this.#calls.set(executionId, call);
  }

  executionOf(call: WorkflowCall): string | undefined {
    return this.#executions.get(call);
  }

  has(executionId: string): boolean {
    return this.#calls.has(executionId);
  }

  settle(executionId: string, result: ExecutionResult): void {
    const call = this.#calls.get(executionId);
    if (!call) return;
    this.#calls.delete(executionId);
    this.#executions.delete(call);
    settleCall(call, result);
    if (this.#executions.size === 0) this.#allSettled?.();
  }

  /** Resolves once nobody waits any more. */
  whenSettled(): Promise<void> {
    if (this.#executions.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#allSettled = resolve;
    });
  }

  refuseAll(): void {
    const calls = [...this.#executions.keys()];
    this.#executions.clear();
    this.#calls.clear();
    const why = 'The host closes; unless it was in memory only, the execution goes on when it starts again.';
    for (const call of calls) call.failed(new TroupeError('SHUTTING_DOWN', why));
    this.#allSettled?.();
  }
}

export function settleCall(call: WorkflowCall, result: ExecutionResult): void {
  if (result.kind === 'succeeded') return call.succeeded(result.output ?? EMPTY);
  if (result.kind === 'cancelled') {
    return call.failed(new TroupeError('CANCELLED', `The execution was cancelled: ${result.reason}.`));
  }
  const error = deserializeError(result.error);
  call.failed(error instanceof TroupeError ? error : new TroupeError('STEP_FAILED', error.message, { cause: error }));
}
