/** Statistics of a whole CSV, in one pass over text, bytes or a file. */
import { createReadStream } from 'node:fs';
import { Column, type ColumnStatistics } from './column.ts';
import { CsvParser, type Delimiter } from './csv-parser.ts';

/** What to read: the text, its bytes in UTF-8, or the path of a file that the function can reach. */
export type CsvSource = { readonly csv: string | Uint8Array } | { readonly path: string };

export interface CsvOptions {
  /** Default: a comma. */
  readonly delimiter?: Delimiter | undefined;
  /** Stops the reading of a file. */
  readonly signal?: AbortSignal | undefined;
}

export interface CsvStatistics {
  /** Records under the header. */
  readonly rows: number;
  /** Records with fewer or more fields than the header. What they lack counts as missing; what they have too many is left out. */
  readonly raggedRows: number;
  /** As the header orders them. Names are as they stand there, so they may repeat. */
  readonly columns: readonly ColumnStatistics[];
}

/** Throws `SyntaxError` with the line for a malformed or empty CSV, and what the file system says for an unreadable file. */
export async function csvStatistics(source: CsvSource, options: CsvOptions = {}): Promise<CsvStatistics> {
  const table = new Table();
  const parser = new CsvParser(options.delimiter ?? ',', (fields) => table.add(fields));
  for await (const piece of pieces(source, options.signal)) parser.write(piece);
  parser.end();
  return table.finish();
}

async function* pieces(source: CsvSource, signal: AbortSignal | undefined): AsyncGenerator<string> {
  if ('path' in source) {
    const stream = createReadStream(source.path, {
      encoding: 'utf8',
      highWaterMark: 262_144,
      ...(signal && { signal }),
    });
    yield* stream as AsyncIterable<string>;
  } else {
    yield typeof source.csv === 'string' ? source.csv : new TextDecoder().decode(source.csv);
  }
}

class Table {
  #columns: Column[] | undefined;
  #rows = 0;
  #raggedRows = 0;

  add(fields: readonly string[]): void {
    if (!this.#columns) {
      this.#columns = fields.map((name) => new Column(name));
      return;
    }
    this.#rows++;
    if (fields.length !== this.#columns.length) this.#raggedRows++;
    for (let at = 0; at < this.#columns.length; at++) this.#columns[at]?.add(fields[at] ?? '');
  }

  finish(): CsvStatistics {
    if (!this.#columns) throw new SyntaxError('The CSV is empty: its first line must name the columns.');
    const columns = this.#columns.map((column) => column.finish());
    return { rows: this.#rows, raggedRows: this.#raggedRows, columns };
  }
}
