/** The errors of the engine, each with what, why and how to mend it. */
import { TroupeError } from '../../errors.ts';
import type { ExecutionState } from '../execution-state.ts';

/** The reason of a cancellation that nobody has asked for. */
export const DEADLINE = 'its deadline has passed';

export function deadlinePassed(executionId: string): TroupeError {
  return new TroupeError('TIMEOUT', `Execution "${executionId}" has not ended by its deadline.`, {
    details: { executionId },
  });
}

export function journalTooLong(executionId: string, limit: number): TroupeError {
  return new TroupeError(
    'JOURNAL_TOO_LONG',
    `Execution "${executionId}" has ${limit} events, which is all that a journal may hold. Split its loops into workflows of their own.`,
    { details: { executionId, limit } },
  );
}

export function executionNotFound(executionId: string): TroupeError {
  return new TroupeError(
    'EXECUTION_NOT_FOUND',
    `There is no execution ${JSON.stringify(executionId)}, or it was deleted since it ended. List what is there with \`troupe wf ls\`.`,
    { details: { executionId } },
  );
}

export function alreadyOver({ id, status }: Pick<ExecutionState, 'id' | 'status'>): TroupeError {
  return new TroupeError('CONFLICT', `Execution "${id}" is ${status}: there is nothing left to do to it.`, {
    details: { executionId: id, status },
  });
}

export function notRedrivable({ id, status }: Pick<ExecutionState, 'id' | 'status'>): TroupeError {
  return new TroupeError(
    'CONFLICT',
    `Execution "${id}" is ${status}; only one that failed or was cancelled is redriven.`,
    {
      details: { executionId: id, status },
    },
  );
}

export function isCompacted(executionId: string): TroupeError {
  return new TroupeError(
    'CONFLICT',
    `The journal of execution "${executionId}" was compacted since it ended: its result is left, its history is not.`,
    { details: { executionId } },
  );
}

export function otherWorkflow(executionId: string, workflow: string): TroupeError {
  return new TroupeError('CONFLICT', `Execution "${executionId}" is one of "${workflow}". Choose another id.`, {
    details: { executionId, workflow },
  });
}

export function checkExecutionId(id: unknown): string {
  if (typeof id === 'string' && id.length > 0 && id.length <= 200 && !/\p{Cc}/u.test(id)) return id;
  throw new TroupeError(
    'INVALID_ARGUMENT',
    `${JSON.stringify(id)} is no id of an execution: use 1 to 200 characters, none of them a control character.`,
  );
}

/** As a step that takes too long: it may be retried. */
export function noSignOfLife(step: string, heartbeatMs: number): TroupeError {
  return new TroupeError('TIMEOUT', `Step "${step}" gave no sign of life for ${heartbeatMs} ms.`, {
    details: { heartbeatMs },
  });
}
