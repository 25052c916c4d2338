/**
 * Comma-separated files, read line by line: a trace of a day is over 100 MB, and no more than a piece and a line of it is in memory at once.
 * Whatever is wrong is an `INVALID_ARGUMENT` that names file, line and column, says what is wrong, and how to mend it.
 *
 * As in RFC 4180, but a quoted field ends on its line. Lines end in LF or CRLF; a byte order mark and empty lines are passed over.
 */
import { createReadStream } from 'node:fs';
import { TroupeError } from '../../errors.ts';
import { closestName } from '../../function-management/closest-name.ts';

export interface Place {
  readonly file: string;
  readonly line?: number;
  /** The name of a column, or its number, from 1, where it has none. */
  readonly column?: string | number;
}

/** A day of minutes with long counts is under 20 kB. */
const MAX_LINE_CHARACTERS = 8_000_000;
const PIECE_BYTES = 1 << 20;
const MAX_QUOTED = 40;

/** `what` is a sentence, and so is `mend`. */
export function fault(place: Place, what: string, mend: string): TroupeError {
  const { file, line, column } = place;
  const where = [
    file,
    ...(line === undefined ? [] : [`line ${line}`]),
    ...(column === undefined ? [] : [`column ${column}`]),
  ].join(', ');
  return new TroupeError('INVALID_ARGUMENT', `${where}: ${what} ${mend}`, { details: { ...place } });
}

/** What a cell holds, short enough for a message. */
export function quoted(text: string): string {
  return `"${text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text}"`;
}

/** The first line: where each column is. */
export class Header {
  readonly file: string;
  readonly line: number;
  readonly names: readonly string[];

  constructor(file: string, line: number, cells: readonly string[]) {
    this.file = file;
    this.line = line;
    this.names = cells.map((cell) => cell.trim());
    const twice = this.names.find((name, index) => name !== '' && this.names.indexOf(name) < index);
    if (twice === undefined) return;
    throw fault({ file, line, column: twice }, 'The column is there twice.', 'Rename or remove one of them.');
  }

  find(name: string): number | undefined {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : index;
  }

  /** Throws where the column is missing. `example` is the header that such a file has. */
  require(name: string, example: string): number {
    const index = this.find(name);
    if (index !== undefined) return index;
    const place = { file: this.file, line: this.line, column: name };
    const [only = ''] = this.names;
    if (this.names.length === 1 && /[;\t|]/.test(only)) {
      throw fault(place, 'The column is missing, for the cells are not separated by commas.', 'Write commas.');
    }
    const near = closestName(name, this.names);
    const hint = near === undefined ? '' : ` Is ${quoted(near)} meant to be it?`;
    throw fault(place, 'The column is missing.', `The first line must name it, as in: ${example}.${hint}`);
  }
}

export class Row {
  readonly header: Header;
  readonly line: number;
  readonly #cells: readonly string[];

  constructor(header: Header, line: number, cells: readonly string[]) {
    this.header = header;
    this.line = line;
    this.#cells = cells;
    const { names } = header;
    if (cells.length === names.length) return;
    const column = names[cells.length] ?? names.length + 1;
    const what = `The row has ${cells.length} cells, and the first line names ${names.length} columns.`;
    throw fault({ file: header.file, line, column }, what, 'Mend the row, or leave it out.');
  }

  place(column: number): Place {
    return { file: this.header.file, line: this.line, column: this.header.names[column] || column + 1 };
  }

  raw(column: number): string {
    return this.#cells[column] ?? '';
  }

  /** Copied out of the piece of the file that it was read with: a slice would keep all of that in memory. */
  text(column: number): string {
    return Buffer.from(this.raw(column).trim()).toString();
  }

  /** From 0. `unit` says what is counted, for the message. */
  amount(column: number, unit: string): number {
    const text = this.raw(column).trim();
    const value = text === '' ? Number.NaN : Number(text);
    if (value >= 0 && value < Number.POSITIVE_INFINITY) return value;
    const place = this.place(column);
    const mend = `Write a number of ${unit}, 0 or more.`;
    if (text === '') throw fault(place, 'The cell is empty.', mend);
    throw fault(place, `${quoted(text)} is ${value < 0 ? 'negative' : 'not a number'}.`, mend);
  }

  /** A whole number from 0 to `most`. */
  count(column: number, most: number): number {
    const text = this.raw(column);
    if (text === '0') return 0;
    const value = this.amount(column, 'calls');
    const mend = `Write a whole number of calls, from 0 to ${most}.`;
    if (!Number.isInteger(value)) throw fault(this.place(column), `${quoted(text)} is not a whole number.`, mend);
    if (value > most) throw fault(this.place(column), `${quoted(text)} is too large.`, mend);
    return value;
  }
}

export interface CsvReader {
  readonly path: string;
  readonly signal: AbortSignal;
  /** Called with the header; what it returns is called with each row. */
  readonly open: (header: Header) => (row: Row) => void;
}

/** Throws at the first fault. Resolves with the header and the number of rows. */
export async function readCsv({ path, signal, open }: CsvReader): Promise<{ header: Header; rows: number }> {
  let header: Header | undefined;
  let visit: (row: Row) => void = () => {};
  let rows = 0;
  await forEachLine(path, signal, (text, line) => {
    if (text.trim() === '') return;
    const cells = cellsOf(text, { file: path, line });
    if (header) {
      visit(new Row(header, line, cells));
      rows++;
      return;
    }
    header = new Header(path, line, cells);
    visit = open(header);
  });
  if (!header) throw fault({ file: path, line: 1 }, 'The file is empty.', 'Its first line must name the columns.');
  if (rows === 0) {
    throw fault({ file: path, line: header.line + 1 }, 'No row follows the first line.', 'Is the file complete?');
  }
  return { header, rows };
}

async function forEachLine(path: string, signal: AbortSignal, visit: (text: string, line: number) => void) {
  let rest = '';
  let line = 0;
  for await (const piece of piecesOf(path, signal)) {
    const text: string = rest === '' ? piece : rest + piece;
    let from = line === 0 && text.startsWith('\uFEFF') ? 1 : 0;
    for (let to = text.indexOf('\n', from); to >= 0; to = text.indexOf('\n', from)) {
      visit(text.slice(from, text[to - 1] === '\r' ? Math.max(from, to - 1) : to), ++line);
      from = to + 1;
    }
    rest = text.slice(from);
    if (rest.length > MAX_LINE_CHARACTERS) {
      const what = `The line is longer than ${MAX_LINE_CHARACTERS} characters.`;
      throw fault({ file: path, line: line + 1 }, what, 'Is it a file of comma-separated lines?');
    }
  }
  if (rest !== '') visit(rest.replace(/\r$/, ''), line + 1);
}

async function* piecesOf(path: string, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* createReadStream(path, { encoding: 'utf8', highWaterMark: PIECE_BYTES, signal });
  } catch (cause) {
    if (signal.aborted) throw new TroupeError('CANCELLED', 'Interrupted.');
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw fault({ file: path }, 'There is no such file.', 'Check the path.');
    if (code === 'EISDIR') throw fault({ file: path }, 'It is a folder.', 'Name a file in it.');
    if (code === undefined) throw cause;
    throw fault({ file: path }, `The file cannot be read: ${message}.`, 'May you read it?');
  }
}

function cellsOf(text: string, place: Place): string[] {
  if (!text.includes('"')) return text.split(',');
  const cells: string[] = [];
  // A cell in quotes, in which a quote stands twice, or one without; then a comma, or the end.
  const cell = /(?:\s*"((?:[^"]|"")*)"\s*|([^",]*))(,|$)/y;
  for (let separator: string | undefined = ','; separator === ','; ) {
    const match = cell.exec(text);
    if (!match) {
      const mend = 'Put quotes around the whole cell, and write a quote within as two.';
      throw fault({ ...place, column: cells.length + 1 }, 'A quote is out of place.', mend);
    }
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    separator = match[3];
  }
  return cells;
}
