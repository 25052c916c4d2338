/** Where a command writes. Data goes to standard output, everything for people who watch to standard error (invariants 1 and 5). */
import pc from 'picocolors';
import { toJsonText } from '../ecosystem/gateway/json-text.ts';
import { isErrorCode, serializeError, type TroupeError } from '../errors.ts';

export type Colors = ReturnType<typeof pc.createColors>;

export interface Terminal {
  /** A line of data. */
  out(line: string): void;
  /** A line for whoever watches. */
  note(line: string): void;
  /** Resolves once standard output takes more. */
  drained(): Promise<void>;
  /** Aborted when nobody reads standard output any more, as after `| head -1`. */
  readonly closed: AbortSignal;
  /** True when a person reads standard output. */
  readonly isInteractive: boolean;
  /** Of the terminal; 80 by 24 where there is none. */
  readonly columns: number;
  readonly rows: number;
  /** Writes to standard output what is no line: what steers a terminal. */
  raw(text: string): void;
  /** For standard output, and for standard error: only a terminal gets colours, and only without NO_COLOR. */
  readonly outColors: Colors;
  readonly noteColors: Colors;
}

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

export function openTerminal(): Terminal {
  const { stdout, stderr } = process;
  const closed = new AbortController();
  stdout.on('error', () => closed.abort());
  // Nobody is left to tell.
  stderr.on('error', () => {});
  return {
    out: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    async drained() {
      if (!stdout.writableNeedDrain || closed.signal.aborted) return;
      await new Promise<void>((resolve) => {
        stdout.once('drain', resolve);
        closed.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    closed: closed.signal,
    isInteractive: stdout.isTTY === true,
    get columns() {
      return stdout.columns || DEFAULT_COLUMNS;
    },
    get rows() {
      return stdout.rows || DEFAULT_ROWS;
    },
    raw: (text) => void stdout.write(text),
    outColors: pc.createColors(stdout.isTTY === true && stdout.hasColors()),
    noteColors: pc.createColors(stderr.isTTY === true && stderr.hasColors()),
  };
}

/** One line of JSON, in the forms that the gateway writes too. */
export const toJson = toJsonText;

/** Indented where a person reads it. */
export function toReadableJson(value: unknown, { isInteractive }: Terminal): string {
  const text = toJsonText(value);
  return isInteractive ? JSON.stringify(JSON.parse(text), null, 2) : text;
}

/** Says what went wrong: for people with the function's own stack, for programs as one line of JSON. */
export function reportError(terminal: Terminal, error: TroupeError, asJson: boolean): void {
  const { message, details, cause } = serializeError(error);
  if (asJson) return terminal.note(errorJson({ code: error.code, message, details: details ?? {}, cause }));
  const { red, bold, dim } = terminal.noteColors;
  if (error.code === 'CANCELLED') return terminal.note(message);
  terminal.note(`${red('error')} ${bold(error.code)}: ${message}`);
  // Where a cause is our own, the message has said what it is.
  if (!cause || isErrorCode(cause.code)) return;
  if (error.kind !== 'function' && error.kind !== 'build' && error.code !== 'INTERNAL') return;
  for (const line of causeLines(error.cause, message)) terminal.note(dim(line));
}

function errorJson(error: { code: string; message: string; details: unknown; cause: unknown }): string {
  const { cause, ...rest } = error;
  try {
    return toJson({ error: cause === undefined ? rest : error });
  } catch {
    // Details come from functions too, and may be anything.
    return toJson({ error: { code: error.code, message: error.message, details: {} } });
  }
}

/** Stacks name the error themselves; without one its message says what happened, unless that has been said. */
function* causeLines(cause: unknown, said: string): Generator<string> {
  const { name, message, stack } = serializeError(cause);
  if (stack !== undefined) yield stack;
  else if (message !== said) yield `${name}: ${message}`;
  if (cause instanceof Error && cause.cause !== undefined) {
    const inner = serializeError(cause.cause);
    yield `caused by ${inner.stack ?? `${inner.name}: ${inner.message}`}`;
  }
}

/** Columns of equal width; the last one as wide as it likes. */
export function table(colors: Colors, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [colors.dim(line(head)), ...rows.map(line)];
}

/** 950 us, 1.20 ms, 3.40 s: three figures whatever the size. */
export function duration(us: number): string {
  if (us < 1_000) return `${us < 10 ? us.toFixed(1) : Math.round(us)} us`;
  return us < 1_000_000 ? `${threeFigures(us / 1_000)} ms` : `${threeFigures(us / 1_000_000)} s`;
}

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  return count < 1_000_000 ? `${threeFigures(count / 1_000)} kB` : `${threeFigures(count / 1_000_000)} MB`;
}

/** `toPrecision` writes numbers from 1,000 on with an exponent. */
function threeFigures(value: number): string {
  return value < 999.5 ? value.toPrecision(3) : String(Math.round(value));
}
