/** Ids of jobs: unique for ever, and sorted as they were made. Pure. */

/** Base 36 until the year 5188. */
const TIME_DIGITS = 9;
const COUNT_DIGITS = 4;
const COUNTS_PER_MS = 36 ** COUNT_DIGITS;

/** `salt`: of its own for each host that ever ran, as long as always. A clock that is set back does not set them back. */
export function jobIds(salt: string): (wallMs: number) => string {
  let lastMs = 0;
  let made = 0;
  return (wallMs) => {
    if (wallMs > lastMs) {
      lastMs = wallMs;
      made = 0;
    } else if (++made >= COUNTS_PER_MS) {
      lastMs++;
      made = 0;
    }
    return `j${digits(lastMs, TIME_DIGITS)}${digits(made, COUNT_DIGITS)}${salt}`;
  };
}

function digits(value: number, length: number): string {
  return Math.floor(value).toString(36).padStart(length, '0');
}
