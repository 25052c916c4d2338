/** Where a command writes. Data goes to standard output, everything for people who watch to standard error. */
import pc from 'picocolors';
import { serializeError, type TroupeError } from '../errors.ts';

export interface Terminal {
  /** A line of data. */
  out(line: string): void;
  /** A line for whoever watches. */
  note(line: string): void;
}

export const processTerminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
};

/** JSON as people read it on a terminal and as programs read it anywhere: bytes as Base64, big integers as strings. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, member) => jsonable(member), indent) ?? 'null';
}

function jsonable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (isBufferJson(value)) return Buffer.from(value.data).toString('base64');
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

/** `Buffer.prototype.toJSON` runs before a replacer sees the buffer. */
function isBufferJson(value: unknown): value is { readonly data: number[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'Buffer' &&
    'data' in value &&
    Array.isArray(value.data)
  );
}

/** Says what went wrong: for people with the cause and the function's own stack, for programs as one line of JSON. */
export function reportError(terminal: Terminal, error: TroupeError, asJson: boolean): void {
  if (asJson) {
    const { message, details, cause } = serializeError(error);
    terminal.note(
      toJson({ error: { code: error.code, message, details: details ?? {}, ...(cause ? { cause } : {}) } }),
    );
    return;
  }
  terminal.note(`${pc.red('error')} ${pc.bold(error.code)}: ${error.message}`);
  const { cause } = error;
  if (cause instanceof Error && error.kind === 'function')
    terminal.note(pc.dim(cause.stack ?? `${cause.name}: ${cause.message}`));
}

/** Columns of equal width; the last one as wide as it likes. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [pc.dim(line(head)), ...rows.map(line)];
}

/** 950 us, 1.2 ms, 3.4 s: three figures whatever the size. */
export function duration(us: number): string {
  if (us < 1_000) return `${us < 10 ? us.toFixed(1) : Math.round(us)} us`;
  if (us < 1_000_000) return `${(us / 1_000).toPrecision(3)} ms`;
  return `${(us / 1_000_000).toPrecision(3)} s`;
}

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  return count < 1_000_000 ? `${(count / 1_000).toPrecision(3)} kB` : `${(count / 1_000_000).toPrecision(3)} MB`;
}
