/** Whether a failed attempt is followed by another one, and when. Pure. */
import { ERROR_CODES, isErrorCode, type SerializedError } from '../errors.ts';

/** Whatever is left out has no bound of its own: the function's own timeout still holds. */
export interface RetryPolicy {
  /** The first one included. */
  readonly maxAttempts: number;
  readonly delayMs: number;
  /** The n-th pause is `delayMs * backoff ** (n - 1)`, at most `maxDelayMs`. */
  readonly backoff: number;
  readonly maxDelayMs: number;
  /** `full`: a random part of the pause (AWS Architecture Blog, 2015). */
  readonly jitter: 'none' | 'full';
  /** Codes or names of errors; with `only`, no other one is retried. */
  readonly only?: readonly string[];
  readonly except?: readonly string[];
}

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

/** It failed for what the host is short of, and may not have reached a function at all. */
function isOfTheHost({ code }: SerializedError): boolean {
  return isErrorCode(code) && ERROR_CODES[code].retryable && UNREACHED.has(ERROR_CODES[code].kind);
}

/** Whether the policy has such an error retried at all. */
export function isCovered(error: SerializedError, { only, except }: Pick<RetryPolicy, 'only' | 'except'>): boolean {
  if (namesOf(error).includes('NonRetryableError')) return false;
  if (except && isNamed(error, except)) return false;
  return !only || isNamed(error, only);
}

/** Of the error, and of what the function threw. */
function namesOf({ code, name, cause }: SerializedError): string[] {
  return [...(code === undefined ? [] : [code]), name, ...(cause ? namesOf(cause) : [])];
}

/** After the `attempt`-th attempt, in ms. `random`: in [0, 1). */
export function pauseMs(
  attempt: number,
  policy: Pick<RetryPolicy, 'delayMs' | 'backoff' | 'maxDelayMs' | 'jitter'>,
  random: () => number,
): number {
  const { delayMs, backoff, maxDelayMs, jitter } = policy;
  const fullMs = Math.min(maxDelayMs, delayMs * backoff ** (attempt - 1));
  return jitter === 'full' ? fullMs * random() : fullMs;
}
