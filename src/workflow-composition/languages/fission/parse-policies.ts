/** How often a task is tried, and what it waits for. */
import type { RetryPolicy } from '../../../kernel/retry-policy.ts';
import type { Task } from './definition.ts';
import {
  checkFields,
  isAbsent,
  type Parsing,
  readDuration,
  readMap,
  readNumber,
  readText,
  readTexts,
} from './parsing.ts';
import type { Source } from './source.ts';

/** Attempts beyond it are no retries any more; a loop is. */
const MAX_ATTEMPTS = 1_000;
/**
 * Of Amazon States Language: 3 attempts, a second, doubled each time. A minute at most, and a random part of each pause, since what fails for one
 * execution most often fails for many at a time.
 */
const DEFAULTS: RetryPolicy = { maxAttempts: 3, delayMs: 1_000, backoff: 2, maxDelayMs: 60_000, jitter: 'full' };
const FIELDS = ['attempts', 'delay', 'backoff', 'maxDelay', 'jitter', 'on', 'except'];

/** A number of attempts, or a map. */
export function parseRetry(parsing: Parsing, source: Source | undefined, of: string): RetryPolicy | undefined {
  if (isAbsent(source)) return undefined;
  const what = `"retry" of ${of}`;
  const attempts = { what: `${what}, a number of attempts,`, min: 1, max: MAX_ATTEMPTS, isWhole: true };
  if (source.kind !== 'map') {
    const maxAttempts = readNumber(parsing, source, attempts);
    return maxAttempts === undefined ? undefined : { ...DEFAULTS, maxAttempts };
  }
  checkFields(parsing, source, { fields: FIELDS, of: what });
  const field = (name: string): Source | undefined => source.entries.get(name)?.value;
  const named = (name: string): string => `"${name}" in ${what}`;
  const delayMs = readDuration(parsing, field('delay'), named('delay')) ?? DEFAULTS.delayMs;
  const backoff = { what: named('backoff'), min: 1, max: 100, isWhole: false };
  const only = readTexts(parsing, field('on'), named('on'));
  const except = readTexts(parsing, field('except'), named('except'));
  return {
    maxAttempts:
      readNumber(parsing, field('attempts'), { ...attempts, what: named('attempts') }) ?? DEFAULTS.maxAttempts,
    delayMs,
    backoff: readNumber(parsing, field('backoff'), backoff) ?? DEFAULTS.backoff,
    maxDelayMs: readDuration(parsing, field('maxDelay'), named('maxDelay')) ?? Math.max(DEFAULTS.maxDelayMs, delayMs),
    jitter: parseJitter(parsing, field('jitter'), named('jitter')),
    ...(only && { only }),
    ...(except && { except }),
  };
}

function parseJitter(parsing: Parsing, source: Source | undefined, what: string): RetryPolicy['jitter'] {
  const jitter = readText(parsing, source, what) ?? DEFAULTS.jitter;
  if (jitter === 'full' || jitter === 'none') return jitter;
  parsing.faults.add(`${what} is full or none`, source?.at);
  return DEFAULTS.jitter;
}

/** `await: signal`: one of the task's own name. */
export function parseAwait(
  parsing: Parsing,
  source: Source | undefined,
  { id, timeoutMs }: { readonly id: string; readonly timeoutMs: number | undefined },
): Task['awaits'] {
  if (isAbsent(source)) return undefined;
  const what = `"await" of task "${id}"`;
  if (source.kind === 'scalar') {
    if (source.value === 'signal') return timeoutMs === undefined ? { signal: id } : { signal: id, timeoutMs };
    return parsing.faults.add(`${what} is "signal", or a map with "signal" and "timeout"`, source.at);
  }
  const map = readMap(parsing, source, what);
  if (map === undefined) return undefined;
  checkFields(parsing, map, { fields: ['signal', 'timeout'], of: what });
  const signal = readText(parsing, map.entries.get('signal')?.value, `"signal" in ${what}`) ?? id;
  const patienceMs = readDuration(parsing, map.entries.get('timeout')?.value, `"timeout" in ${what}`) ?? timeoutMs;
  return patienceMs === undefined ? { signal } : { signal, timeoutMs: patienceMs };
}
