/** What stands in queries and headers, as numbers and switches. Throws `INVALID_ARGUMENT` that names the one that is wrong. Pure. */
import { TroupeError } from '../../errors.ts';

export function wholeNumber(text: string, what: string): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new TroupeError('INVALID_ARGUMENT', `${what} must be a whole number, not ${JSON.stringify(text)}.`);
}

export function positiveNumber(text: string, what: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new TroupeError('INVALID_ARGUMENT', `${what} must be a number above 0, not ${JSON.stringify(text)}.`);
}

export function isTrue(text: string | null | undefined): boolean {
  return text === '1' || text === 'true' || text === '';
}

/** Throws unless the text is one of the choices. */
export function oneOf<Choice extends string>(text: string, choices: readonly Choice[], what: string): Choice {
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  throw new TroupeError('INVALID_ARGUMENT', `${what} must be ${choices.join(', ')}; not ${JSON.stringify(text)}.`);
}

/** Of an id, and of the name of a signal; in characters. */
const MAX_ID_LENGTH = 200;
const MAX_LISTED = 1_000;

export function checkedId(text: string, what: string): string {
  if (text.length >= 1 && text.length <= MAX_ID_LENGTH) return text;
  throw new TroupeError('INVALID_ARGUMENT', `${what} has 1 to ${MAX_ID_LENGTH} characters, not ${text.length}.`);
}

export function listLimit(text: string): number {
  const limit = wholeNumber(text, 'limit');
  if (limit >= 1 && limit <= MAX_LISTED) return limit;
  throw new TroupeError('INVALID_ARGUMENT', `limit must be from 1 to ${MAX_LISTED}, not ${limit}.`);
}
