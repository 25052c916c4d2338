/** Whether a failed attempt is followed by another one, and when. Pure. */
import type { SerializedError } from '../../errors.ts';
import { ERROR_CODES, isErrorCode } from '../../errors.ts';
import type { RetryPolicy } from '../language.ts';

/**
 * Where a task says nothing. What failed without having reached a function, or because its host had no room, is tried again: a step runs at least
 * once. What a function threw is its author's to decide.
 */
const DEFAULT_ATTEMPTS = 5;
const DEFAULT: Omit<RetryPolicy, 'maxAttempts'> = { delayMs: 100, backoff: 2, maxDelayMs: 5_000, jitter: 'full' };
const UNREACHED = new Set(['unavailable', 'overloaded']);

/** In ms; undefined where the failure is final. `random`: in [0, 1). */
export function retryDelayMs(
  error: SerializedError,
  {
    attempt,
    policy,
    random,
  }: { readonly attempt: number; readonly policy: RetryPolicy | undefined; readonly random: () => number },
): number | undefined {
  if (isOfTheHost(error) && attempt < Math.max(DEFAULT_ATTEMPTS, policy?.maxAttempts ?? 0)) {
    return pauseMs(attempt, policy ?? DEFAULT, random);
  }
  if (!policy || attempt >= policy.maxAttempts || !isCovered(error, policy)) return undefined;
  return pauseMs(attempt, policy, random);
}

export function isNamed(error: SerializedError, names: readonly string[]): boolean {
  return namesOf(error).some((name) => names.includes(name));
}

function isOfTheHost({ code }: SerializedError): boolean {
  return isErrorCode(code) && ERROR_CODES[code].retryable && UNREACHED.has(ERROR_CODES[code].kind);
}

function isCovered(error: SerializedError, { only, except }: RetryPolicy): boolean {
  if (namesOf(error).includes('NonRetryableError')) return false;
  if (except && isNamed(error, except)) return false;
  return !only || isNamed(error, only);
}

/** Of the error, and of what the function threw. */
function namesOf({ code, name, cause }: SerializedError): string[] {
  return [...(code === undefined ? [] : [code]), name, ...(cause ? namesOf(cause) : [])];
}

function pauseMs(attempt: number, policy: Omit<RetryPolicy, 'maxAttempts'>, random: () => number): number {
  const { delayMs, backoff, maxDelayMs, jitter } = policy;
  const fullMs = Math.min(maxDelayMs, delayMs * backoff ** (attempt - 1));
  return jitter === 'full' ? fullMs * random() : fullMs;
}
