/** What a measuring child process reads of itself, and how it speaks with the process that started it. */
import { readFileSync } from 'node:fs';

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

/** Anonymous resident memory: mapped files, a database's pages among them, are page cache and not counted. After two full collections. */
export function rssAnonBytes() {
  for (let collection = 0; collection < 2; collection++) /** @type {{ gc?: () => void }} */ (globalThis).gc?.();
  const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? Number.NaN) * 1_024;
}
