/** Jobs that one call is about: what the function is given, and what its answer says of each. Pure. */
import { deserializeError, type SerializedError, TroupeError } from '../../../errors.ts';
import type { BatchItem } from '../../../handler.ts';
import { EMPTY } from '../../../transport/protocol.ts';
import type { AttemptOutcome, Running } from './attempt.ts';

/** 512 KiB of payloads: what they are together must not be more than a call takes. */
export const BATCH_BYTES = 524_288;

export function itemsOf(
  members: readonly Running[],
  payloads: readonly Uint8Array[],
  decode: (payload: Uint8Array) => unknown,
): BatchItem[] {
  return members.map(({ id, record }, index) => {
    const payload = payloads[index];
    return {
      id,
      payload: payload?.length ? decode(payload) : undefined,
      attempt: record.attempts + 1,
      idempotencyKey: record.idempotencyKey ?? id,
    };
  });
}

/**
 * For each of them, in order. Nothing returned: all have succeeded. What `Promise.allSettled` resolves with says it of each; anything else is the
 * function's mistake, and of no job is it known what has become of it.
 */
export function outcomesOf(
  count: number,
  answer: unknown,
  encode: (value: unknown) => Uint8Array,
): readonly AttemptOutcome[] {
  if (answer === undefined || answer === null)
    return new Array<AttemptOutcome>(count).fill({ kind: 'succeeded', payload: EMPTY });
  if (!Array.isArray(answer) || answer.length !== count || !answer.every(isSettled)) {
    const error = new TroupeError(
      'INVALID_OUTPUT',
      `A function that is given a batch returns nothing, or what Promise.allSettled does, for each of its ${count} items in their order.`,
    );
    return new Array<AttemptOutcome>(count).fill({ kind: 'failed', error });
  }
  return answer.map((each) => outcomeOf(each, encode));
}

type Settled =
  | { readonly status: 'fulfilled'; readonly value?: unknown }
  | { readonly status: 'rejected'; readonly reason?: unknown };

function isSettled(value: unknown): value is Settled {
  const { status } = (value ?? {}) as { readonly status?: unknown };
  return status === 'fulfilled' || status === 'rejected';
}

function outcomeOf(settled: Settled, encode: (value: unknown) => Uint8Array): AttemptOutcome {
  if (settled.status === 'fulfilled')
    return { kind: 'succeeded', payload: settled.value === undefined ? EMPTY : encode(settled.value) };
  const cause = thrownFrom(settled.reason);
  return { kind: 'failed', error: new TroupeError('FUNCTION_ERROR', cause.message, { cause }) };
}

/** An error gets here as its name, message, code and stack. */
function thrownFrom(reason: unknown): Error {
  const { name, message } = (reason ?? {}) as Partial<SerializedError>;
  if (typeof name === 'string' && typeof message === 'string') return deserializeError(reason as SerializedError);
  return new Error(typeof reason === 'string' ? reason : `An item was rejected with ${JSON.stringify(reason)}.`);
}
