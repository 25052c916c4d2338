import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** Ends the message of the error. */
  readonly what?: string;
}

/**
 * Polls until the condition gives something truthy and returns that; throws after `timeoutMs`. For real processes only: what runs on a
 * `Clock` is moved by hand.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 5, what = 'the condition to hold' }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadlineMs) throw new Error(`Waited ${timeoutMs} ms for ${what}.`);
    await pause(intervalMs);
  }
}
