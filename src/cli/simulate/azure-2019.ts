/**
 * The format of Azure Functions 2019 (Shahrad et al., ATC 2020): a row for each function, with its calls in each minute; beside it, if at hand, how
 * long calls take and how much memory they need. Rows about functions that were not called are passed over, and so are columns not named here.
 */
import { callColumns, functionKeys } from './azure-2019-columns.ts';
import { fault, type Header, quoted, type Row, readCsv } from './csv.ts';
import { MAX_CALLS_PER_MINUTE, MAX_CELLS, type Trace, type TracedFunction } from './trace.ts';

export interface Azure2019Files {
  readonly invocations: string;
  readonly durations: string | undefined;
  readonly memory: string | undefined;
}

/** A figure of each function, or of each application. */
type Lookup = (owner: string, app: string, name: string) => number | undefined;

const EXAMPLES = {
  invocations: 'HashOwner,HashApp,HashFunction,Trigger,1,2,3',
  durations: 'HashOwner,HashApp,HashFunction,Average',
  memory: 'HashOwner,HashApp,AverageAllocatedMb',
};

export async function readAzure2019(files: Azure2019Files, signal: AbortSignal): Promise<Trace> {
  const { invocations, durations, memory } = files;
  const runMs = durations === undefined ? unknown : await readLookup(durations, 'durations', signal);
  const memoryMb = memory === undefined ? unknown : await readLookup(memory, 'memory', signal);
  return readInvocations(invocations, { runMs, memoryMb }, signal);
}

const unknown: Lookup = () => undefined;

async function readInvocations(
  path: string,
  { runMs, memoryMb }: Readonly<Record<'runMs' | 'memoryMb', Lookup>>,
  signal: AbortSignal,
): Promise<Trace> {
  const functions: TracedFunction[] = [];
  const seen = new Map<string, number>();
  let [minutes, firstMinute] = [0, 0];
  const open = (header: Header) => {
    const keys = functionKeys(header, EXAMPLES.invocations);
    const trigger = header.find('Trigger');
    const calls = callColumns(header, EXAMPLES.invocations);
    const read = callsReader(calls.columns);
    minutes = calls.columns.length;
    firstMinute = calls.first;
    return (row: Row) => {
      const { owner, app, name, key } = keys(row);
      refuseTwice(seen, key, row, name);
      refuseTooMany(row, functions.length + 1, minutes);
      functions.push({
        id: name,
        trigger: trigger === undefined ? undefined : row.text(trigger) || undefined,
        ...read(row),
        runMs: runMs(owner, app, name),
        memoryMb: memoryMb(owner, app, name),
      });
    };
  };
  await readCsv({ path, signal, open });
  return { functions, minutes, firstMinute };
}

/** Only the minutes with calls are kept. */
function callsReader(columns: readonly number[]): (row: Row) => Pick<TracedFunction, 'minutes' | 'counts'> {
  const minutes = new Uint32Array(columns.length);
  const counts = new Uint32Array(columns.length);
  return (row) => {
    let used = 0;
    for (const [minute, column] of columns.entries()) {
      const count = row.count(column, MAX_CALLS_PER_MINUTE);
      if (count === 0) continue;
      minutes[used] = minute;
      counts[used] = count;
      used++;
    }
    return { minutes: minutes.slice(0, used), counts: counts.slice(0, used) };
  };
}

/** The memory of an application holds for each of its functions, unless the file tells them apart. */
async function readLookup(path: string, kind: 'durations' | 'memory', signal: AbortSignal): Promise<Lookup> {
  const values = new Map<string, number>();
  const seen = new Map<string, number>();
  let byFunction = true;
  const open = (header: Header) => {
    byFunction = kind === 'durations' || header.find('HashFunction') !== undefined;
    const keys = functionKeys(header, EXAMPLES[kind], byFunction);
    const column = header.require(kind === 'durations' ? 'Average' : 'AverageAllocatedMb', EXAMPLES[kind]);
    return (row: Row) => {
      const { app, name, key } = keys(row);
      refuseTwice(seen, key, row, byFunction ? name : app);
      values.set(key, row.amount(column, kind === 'durations' ? 'milliseconds' : 'MB'));
    };
  };
  await readCsv({ path, signal, open });
  return (owner, app, name) => values.get(byFunction ? `${owner},${app},${name}` : `${owner},${app}`);
}

function refuseTwice(seen: Map<string, number>, key: string, row: Row, name: string): void {
  const before = seen.get(key);
  seen.set(key, row.line);
  if (before === undefined) return;
  const { file, names } = row.header;
  const column = names.includes('HashFunction') ? 'HashFunction' : 'HashApp';
  const what = `${quoted(name)} is there twice, in line ${before} too.`;
  throw fault({ file, line: row.line, column }, what, 'Add its rows up, or leave one out.');
}

function refuseTooMany({ header: { file }, line }: Row, functions: number, minutes: number): void {
  if (functions * minutes <= MAX_CELLS) return;
  const what = `With ${functions} functions over ${minutes} minutes the trace is larger than can be replayed.`;
  throw fault({ file, line }, what, 'Cut it in pieces.');
}
