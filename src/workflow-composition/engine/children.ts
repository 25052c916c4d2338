/** Executions that a step of another one waits for. Their ids follow from it, so that a step that is started again finds its child. */
import { deserializeError, TroupeError } from '../../errors.ts';
import { EMPTY } from '../../transport/protocol.ts';
import type { ChildStart } from './execution-protocol.ts';
import type { ExecutionResult, StepOutcome } from './protocol.ts';

interface Waiting {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly settled: (outcome: StepOutcome) => void;
}

/** A step that is tried again has another child. */
export function childId({ parentId, deed, attempt }: Pick<ChildStart, 'parentId' | 'deed' | 'attempt'>): string {
  return attempt === 1 ? `${parentId}:${deed}` : `${parentId}:${deed}~${attempt}`;
}

export class Children {
  readonly #waiting = new Map<string, Waiting>();

  begin(child: ChildStart, waiting: Waiting): string {
    const id = childId(child);
    this.#waiting.set(id, waiting);
    return id;
  }

  settle(id: string, result: ExecutionResult): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    const timing = { startedAtMs: waiting.wallMs, queueMs: 0, coldStartMs: 0, runMs: 0 };
    if (result.kind === 'succeeded') {
      return waiting.settled({ kind: 'succeeded', payload: result.output ?? EMPTY, timing, isCold: false });
    }
    const error =
      result.kind === 'cancelled'
        ? new TroupeError('CANCELLED', `Execution "${id}" was cancelled: ${result.reason}.`)
        : troupeError(result);
    waiting.settled({ kind: 'failed', error, timing, isCold: false });
  }

  giveUp(child: ChildStart, cancel: (id: string) => void): void {
    const id = childId(child);
    if (this.#waiting.delete(id)) cancel(id);
  }
}

function troupeError({ error }: Extract<ExecutionResult, { kind: 'failed' }>): TroupeError {
  const thrown = deserializeError(error);
  return thrown instanceof TroupeError ? thrown : new TroupeError('STEP_FAILED', thrown.message, { cause: thrown });
}
