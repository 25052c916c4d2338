/** What a caller may say about a call: checked before anything is sent. Pure. */
import { TroupeError } from '../../errors.ts';
import type { InvokeOptions } from './protocol.ts';

const MAX_KEY_CHARACTERS = 256;

/** Only what was given: an option that is absent stays so. */
export function givenOptions({ timeoutMs, version, alias, idempotencyKey }: InvokeOptions) {
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(version === undefined ? {} : { version }),
    ...(alias === undefined ? {} : { alias }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

/** Throws `INVALID_ARGUMENT`. Callers in JavaScript have no types. */
export function checkOptions(functionName: string, options: InvokeOptions): void {
  const { timeoutMs, version, alias, idempotencyKey, signal } = options;
  if (typeof functionName !== 'string') throw invalid('The function name must be a string.');
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs > 0)) {
    throw invalid(`timeoutMs must be a number above 0, not ${timeoutMs}.`);
  }
  if (version !== undefined && !(Number.isSafeInteger(version) && version > 0)) {
    throw invalid(`version must be a whole number from 1, not ${version}.`);
  }
  if (alias !== undefined && typeof alias !== 'string') throw invalid(`alias must be a string, not ${typeof alias}.`);
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw invalid('signal must be an AbortSignal.');
  }
  if (version !== undefined && alias !== undefined) throw invalid('Give a version or an alias, not both.');
  if (
    idempotencyKey !== undefined &&
    (typeof idempotencyKey !== 'string' || idempotencyKey.length > MAX_KEY_CHARACTERS)
  ) {
    throw invalid(`idempotencyKey must be a string of at most ${MAX_KEY_CHARACTERS} characters.`);
  }
}

function invalid(message: string): TroupeError {
  return new TroupeError('INVALID_ARGUMENT', message);
}
