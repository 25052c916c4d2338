// @ts-check
/** How the tour writes down what it has measured. */

/** @param {string[]} head @param {string[][]} rows */
export function table(head, rows) {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of [head, ...rows]) {
    console.log(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  }
}

/** @param {readonly number[]} sorted @param {number} part */
export function quantile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** @param {number} ms */
export function duration(ms) {
  return ms < 1
    ? `${Math.round(ms * 1_000)} us`
    : ms < 1_000
      ? `${ms.toPrecision(3)} ms`
      : `${(ms / 1_000).toPrecision(3)} s`;
}

/** @param {number} bytes */
export function kilobytes(bytes) {
  return `${(bytes / 1_000).toPrecision(3)} kB`;
}
