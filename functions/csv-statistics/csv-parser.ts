/**
 * A parser for CSV as RFC 4180 describes it, that takes its text in pieces of any size.
 *
 * Also taken: LF for CRLF, a missing last line end, a byte order mark, blank lines (skipped), other delimiters.
 * Refused, with the line: a quoted field that does not end, text after a closing quote, a record longer than `MAX_RECORD_LENGTH`.
 * A quote inside an unquoted field is a character like any other.
 */

const QUOTE = 34;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** In characters. One forgotten quote would otherwise make one field of all that follows. */
export const MAX_RECORD_LENGTH = 1_048_576;

export const DELIMITERS = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** The array is reused for the next record: keep its strings, not the array. `line` is where the record starts, from 1. */
export type OnRecord = (fields: readonly string[], line: number) => void;

export class CsvParser {
  readonly #delimiter: number;
  readonly #onRecord: OnRecord;
  readonly #fields: string[] = [];
  #carry = '';
  #line = 1;
  #started = false;

  constructor(delimiter: Delimiter, onRecord: OnRecord) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#onRecord = onRecord;
  }

  /** Throws `SyntaxError` at the first fault; the parser is of no use after that. */
  write(piece: string): void {
    const text = this.#carry + (this.#started ? piece : piece.replace(/^\uFEFF/, ''));
    this.#started ||= piece !== '';
    this.#carry = text.slice(this.#parse(text, false));
    if (this.#carry.length > MAX_RECORD_LENGTH) {
      throw this.#fault(`the record is longer than ${MAX_RECORD_LENGTH} characters; is a quote missing?`);
    }
  }

  end(): void {
    this.#parse(this.#carry, true);
    this.#carry = '';
  }

  /** Hands on every whole record; answers where the rest starts, which is 0 if there is none whole. */
  #parse(text: string, isLast: boolean): number {
    let start = 0;
    while (start < text.length) {
      const next = this.#record(text, start, isLast);
      if (next === undefined) break;
      start = next;
    }
    return start;
  }

  /** Answers where the next record starts, or `undefined` if this one needs more text to be whole. */
  #record(text: string, start: number, isLast: boolean): number | undefined {
    const fields = this.#fields;
    let count = 0;
    let lines = 1;
    let at = start;
    for (;;) {
      let end: number;
      if (text.charCodeAt(at) === QUOTE) {
        const close = closingQuote(text, at + 1);
        if (close === undefined || (close + 1 === text.length && !isLast)) {
          if (isLast) throw this.#fault('a quoted field does not end');
          return undefined;
        }
        const field = text.slice(at + 1, close);
        fields[count++] = field.includes('"') ? field.replaceAll('""', '"') : field;
        for (let feed = field.indexOf('\n'); feed >= 0; feed = field.indexOf('\n', feed + 1)) lines++;
        end = close + 1;
      } else {
        end = fieldEnd(text, at, this.#delimiter);
        if (end === text.length && !isLast) return undefined;
        // The CR of a CRLF is not part of the field, nor is one at the very end.
        const isCut =
          end > at && text.charCodeAt(end - 1) === CARRIAGE_RETURN && text.charCodeAt(end) !== this.#delimiter;
        fields[count++] = text.slice(at, isCut ? end - 1 : end);
      }
      const code = text.charCodeAt(end);
      if (code === this.#delimiter) {
        at = end + 1;
        continue;
      }
      const afterReturn = code === CARRIAGE_RETURN ? end + 1 : end;
      if (afterReturn === text.length && !isLast) return undefined;
      if (afterReturn < text.length && text.charCodeAt(afterReturn) !== LINE_FEED) {
        throw this.#fault('there is text after a closing quote');
      }
      // Emptying the array for each record would make it grow anew each time.
      if (fields.length !== count) fields.length = count;
      if (count > 1 || fields[0] !== '' || text.charCodeAt(start) === QUOTE) this.#onRecord(fields, this.#line);
      this.#line += lines;
      return Math.min(afterReturn + 1, text.length);
    }
  }

  #fault(what: string): SyntaxError {
    return new SyntaxError(`CSV, record at line ${this.#line}: ${what}.`);
  }
}

function closingQuote(text: string, from: number): number | undefined {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text.charCodeAt(at + 1) !== QUOTE) return at;
  }
  return undefined;
}

function fieldEnd(text: string, from: number, delimiter: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === delimiter || code === LINE_FEED) return at;
  }
  return text.length;
}
