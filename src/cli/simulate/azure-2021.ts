/**
 * The format of Azure Functions 2021 (Zhang et al., SOSP 2021): a row for each call, with the time of its end and how long it took, in seconds. A call
 * counts in the minute in which it began. Rows may come in any order, and so may columns.
 */
import { fault, type Header, type Row, readCsv } from './csv.ts';
import { MAX_CELLS, MAX_MINUTES, type Trace, type TracedFunction } from './trace.ts';

const EXAMPLE = 'app,func,end_timestamp,duration';

interface Calls {
  readonly id: string;
  readonly byMinute: Map<number, number>;
  calls: number;
  seconds: number;
}

export async function readAzure2021(path: string, signal: AbortSignal): Promise<Trace> {
  const calls = new Map<string, Calls>();
  const span = new Span();
  const open = (header: Header) => {
    const app = header.require('app', EXAMPLE);
    const func = header.require('func', EXAMPLE);
    const end = header.require('end_timestamp', EXAMPLE);
    const duration = header.require('duration', EXAMPLE);
    return (row: Row) => {
      const endSeconds = row.amount(end, 'seconds');
      const seconds = row.amount(duration, 'seconds');
      const minute = Math.floor((endSeconds - seconds) / 60);
      span.include(row, end, minute, Math.floor(endSeconds / 60));
      const each = entryOf(calls, row.text(app), row.text(func));
      each.byMinute.set(minute, (each.byMinute.get(minute) ?? 0) + 1);
      each.calls++;
      each.seconds += seconds;
      span.checkSize(row, calls.size);
    };
  };
  await readCsv({ path, signal, open });
  const functions = [...calls.values()].map((each) => tracedFunction(each, span.first));
  return { functions, minutes: span.minutes, firstMinute: span.first };
}

/** From the first call's beginning to the last one's end, in minutes. */
class Span {
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;

  get minutes(): number {
    return this.last - this.first + 1;
  }

  include(row: Row, column: number, from: number, to: number): void {
    this.first = Math.min(this.first, from);
    this.last = Math.max(this.last, to);
    if (this.minutes <= MAX_MINUTES) return;
    const what = `With this call the trace is longer than ${MAX_MINUTES} minutes.`;
    throw fault(row.place(column), what, 'Times are in seconds: are these milliseconds?');
  }

  checkSize({ header: { file }, line }: Row, functions: number): void {
    if (functions * this.minutes <= MAX_CELLS) return;
    const what = `With ${functions} functions over ${this.minutes} minutes the trace is larger than can be replayed.`;
    throw fault({ file, line }, what, 'Cut it in pieces.');
  }
}

function entryOf(calls: Map<string, Calls>, app: string, func: string): Calls {
  const key = `${app},${func}`;
  const known = calls.get(key);
  if (known) return known;
  const fresh = { id: func, byMinute: new Map<number, number>(), calls: 0, seconds: 0 };
  calls.set(key, fresh);
  return fresh;
}

function tracedFunction({ id, byMinute, calls, seconds }: Calls, firstMinute: number): TracedFunction {
  const sorted = [...byMinute].sort(([a], [b]) => a - b);
  return {
    id,
    trigger: undefined,
    minutes: Uint32Array.from(sorted, ([minute]) => minute - firstMinute),
    counts: Uint32Array.from(sorted, ([, count]) => count),
    memoryMb: undefined,
    runMs: (1_000 * seconds) / calls,
  };
}
