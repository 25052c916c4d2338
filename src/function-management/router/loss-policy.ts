/** What becomes of a call whose instance was lost. Pure. */
import { deserializeError, type ErrorCode, TroupeError } from '../../errors.ts';
import type { InstanceLoss } from '../instance/protocol.ts';

interface LostCall {
  readonly functionName: string;
  readonly attempt: number;
  /** Of its instance. */
  readonly memoryMb: number;
}

interface RetryRules {
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly idempotent: boolean;
  readonly hasEmitted: boolean;
}

const CODES: Readonly<Record<InstanceLoss['reason'], ErrorCode>> = {
  requested: 'INSTANCE_CRASHED',
  replaced: 'INSTANCE_CRASHED',
  abandoned: 'INSTANCE_CRASHED',
  crashed: 'INSTANCE_CRASHED',
  exited: 'INSTANCE_CRASHED',
  'start-failed': 'INSTANCE_START_FAILED',
  'out-of-memory': 'OUT_OF_MEMORY',
  'agent-lost': 'AGENT_LOST',
};

/**
 * A call that ran out of memory would do so again, so it is not retried; whatever else took the instance may not come twice. What has
 * reached the caller of a stream cannot be taken back.
 */
export function mayRetry(call: RetryRules, reason: InstanceLoss['reason']): boolean {
  if (!call.idempotent || call.hasEmitted || call.attempt >= call.maxAttempts) return false;
  return reason !== 'out-of-memory' && reason !== 'start-failed';
}

export function lossError(call: LostCall, loss: InstanceLoss): TroupeError {
  const cause = loss.error && deserializeError(loss.error);
  const detail = cause ? ` ${cause.message}` : '';
  return new TroupeError(CODES[loss.reason], `${explain(call, loss)}${detail}`, {
    details: {
      functionName: call.functionName,
      instanceId: loss.instanceId,
      reason: loss.reason,
      attempts: call.attempt,
    },
    ...(cause ? { cause } : {}),
  });
}

function explain({ functionName, memoryMb }: LostCall, { reason }: InstanceLoss): string {
  const what = `The instance of "${functionName}"`;
  switch (reason) {
    case 'out-of-memory':
      return `${what} went over its memory limit of ${memoryMb} MiB and was stopped. Raise memoryMb, or use less.`;
    case 'exited':
      return `${what} ended while the call was inside: the function ended its own process or thread (process.exit?).`;
    case 'crashed':
      return `${what} crashed while the call was inside.`;
    case 'agent-lost':
      return `The node agent of "${functionName}" went away while the call was inside.`;
    case 'start-failed':
      return `${what} could not start.`;
    case 'requested':
    case 'replaced':
    case 'abandoned':
      return `${what} was stopped while the call was inside.`;
  }
}
