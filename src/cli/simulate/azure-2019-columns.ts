/** Where the columns of the Azure Functions 2019 format are: those that say which function a row is about, and those of the minutes. Pure. */
import { fault, type Header, type Row } from './csv.ts';
import { MAX_MINUTES } from './trace.ts';

export interface FunctionKey {
  readonly owner: string;
  readonly app: string;
  readonly name: string;
  readonly key: string;
}

/** A function is one of an application of an owner: hashes of functions alone may coincide. */
export function functionKeys(header: Header, example: string, byFunction = true): (row: Row) => FunctionKey {
  const owner = header.require('HashOwner', example);
  const app = header.require('HashApp', example);
  const name = byFunction ? header.require('HashFunction', example) : undefined;
  return (row) => {
    const parts = [owner, app, ...(name === undefined ? [] : [name])].map((column) => nameIn(row, column));
    const [ownerName = '', appName = '', functionName = ''] = parts;
    return { owner: ownerName, app: appName, name: functionName, key: parts.join(',') };
  };
}

function nameIn(row: Row, column: number): string {
  const text = row.text(column);
  if (text !== '') return text;
  throw fault(row.place(column), 'The cell is empty.', 'Write a name, or leave the row out.');
}

export interface CallColumns {
  readonly first: number;
  /** By minute. */
  readonly columns: readonly number[];
}

/** A column whose name is a whole number is a minute. They may begin anywhere, and must follow each other without a gap. */
export function callColumns(header: Header, example: string): CallColumns {
  const { file, line, names } = header;
  const columns = names.flatMap((name, index) => (/^\d+$/.test(name) ? [index] : []));
  const first = Number(names[columns[0] ?? -1]);
  if (columns.length === 0) {
    const what = 'No column is named after a minute.';
    throw fault({ file, line, column: 1 }, what, `The first line must name them, as in: ${example}.`);
  }
  for (const [minute, column] of columns.entries()) {
    if (Number(names[column]) === first + minute) continue;
    const what = `The minute after ${first + minute - 1} is missing.`;
    throw fault({ file, line, column: names[column] ?? '' }, what, 'Add it, with 0 where nothing was called.');
  }
  if (columns.length <= MAX_MINUTES) return { first, columns };
  const what = `The trace is longer than ${MAX_MINUTES} minutes.`;
  throw fault({ file, line }, what, 'Cut it in pieces.');
}
