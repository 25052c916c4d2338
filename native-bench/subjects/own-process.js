/** What a measuring child process reads of itself, and how it speaks with the process that started it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const READINGS = 5;
const BETWEEN_READINGS_MS = 50;

/** @template Options @returns {Options} what `inChild` was given */
export function childOptions() {
  // Whoever started it is gone: so is the reason to measure.
  process.once('disconnect', () => process.exit());
  return JSON.parse(process.argv[2] ?? '{}');
}

/** @param {Record<string, unknown>} message */
export function report(message) {
  process.send?.(message);
}

/**
 * Anonymous resident memory: mapped files, a database's pages among them, are page cache and not counted. The least of a few readings, each after
 * a full collection: V8 and malloc give pages back when they see fit.
 */
export async function rssAnonBytes() {
  let least = Number.POSITIVE_INFINITY;
  for (let reading = 0; reading < READINGS; reading++) {
    /** @type {{ gc?: () => void }} */ (globalThis).gc?.();
    await sleep(BETWEEN_READINGS_MS);
    least = Math.min(least, rssAnonNow());
  }
  return least;
}

function rssAnonNow() {
  const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? Number.NaN) * 1_024;
}
