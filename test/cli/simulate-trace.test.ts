import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAzure2019 } from '../../src/cli/simulate/azure-2019.ts';
import { readAzure2021 } from '../../src/cli/simulate/azure-2021.ts';
import { TroupeError } from '../../src/errors.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { traceOf, writeInvocations, writeTo } from './simulate-traces.ts';

const { signal } = new AbortController();
const HEAD = 'HashOwner,HashApp,HashFunction,Trigger';

interface Files {
  readonly invocations: readonly string[];
  readonly durations?: readonly string[];
  readonly memory?: readonly string[];
}

async function read2019({ invocations, durations, memory }: Files, end?: string) {
  const directory = await temporaryDirectory();
  const write = (name: string, lines: readonly string[]) => writeTo(directory, name, lines, end);
  return readAzure2019(
    {
      invocations: await write('invocations.csv', invocations),
      durations: durations && (await write('durations.csv', durations)),
      memory: memory && (await write('memory.csv', memory)),
    },
    signal,
  );
}

async function read2021(lines: readonly string[]) {
  return readAzure2021(await writeTo(await temporaryDirectory(), 'events.csv', lines), signal);
}

/** Without the directory, which has another name each time. */
async function messageOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.catch((thrown) => thrown);
  if (!(error instanceof TroupeError)) throw new Error('it was read');
  expect(error.exitCode).toBe(2);
  return error.message.replace(/\S*\/(?=\w+\.csv)/, '');
}

describe('the format of 2019', () => {
  it('is read with its minutes wherever they begin; minutes without calls take no room', async () => {
    const trace = await read2019({ invocations: [`${HEAD},480,481,482`, 'o,a,f,http,0,3,0', 'o,a,g,timer,1,0,2'] });
    expect(trace).toMatchObject({ minutes: 3, firstMinute: 480 });
    expect(trace.functions).toEqual([
      {
        id: 'f',
        trigger: 'http',
        minutes: Uint32Array.of(1),
        counts: Uint32Array.of(3),
        memoryMb: undefined,
        runMs: undefined,
      },
      {
        id: 'g',
        trigger: 'timer',
        minutes: Uint32Array.of(0, 2),
        counts: Uint32Array.of(1, 2),
        memoryMb: undefined,
        runMs: undefined,
      },
    ]);
  });

  it('is read with CRLF, a byte order mark, empty lines, quotes, and columns that nobody knows', async () => {
    const lines = [
      '\uFEFF"HashOwner",HashApp,HashFunction,"a ""new"", column",1,2',
      '',
      '"o",a,"f,g",x,"5",0',
      '',
      ' ',
      '',
    ];
    const { functions } = await read2019({ invocations: lines }, '\r\n');
    expect(functions).toMatchObject([
      { id: 'f,g', trigger: undefined, minutes: Uint32Array.of(0), counts: Uint32Array.of(5) },
    ]);
  });

  it('gives each function the memory of its app, or its own where the file says so, and its run time', async () => {
    const invocations = [`${HEAD},1`, 'o,a,f,http,1', 'o,a,g,http,1', 'o,b,f,http,1'];
    const durations = ['HashOwner,HashApp,HashFunction,Count,Average', 'o,a,f,9,71.5', 'o,c,unheard-of,9,3'];
    const byApp = await read2019({
      invocations,
      durations,
      memory: ['HashOwner,HashApp,AverageAllocatedMb', 'o,a,100'],
    });
    expect(byApp.functions.map(({ memoryMb, runMs }) => [memoryMb, runMs])).toEqual([
      [100, 71.5],
      [100, undefined],
      [undefined, undefined],
    ]);
    const memory = ['HashFunction,HashOwner,HashApp,AverageAllocatedMb', 'f,o,a,100', 'g,o,a,20.5'];
    const byFunction = await read2019({ invocations, memory });
    expect(byFunction.functions.map(({ memoryMb }) => memoryMb)).toEqual([100, 20.5, undefined]);
  });

  it('comes out as it was written, whatever the calls', async () => {
    const calls = fc.dictionary(fc.integer({ min: 0, max: 29 }).map(String), fc.integer({ min: 1, max: 2 ** 32 - 1 }), {
      noNullPrototype: true,
    });
    const directory = await temporaryDirectory();
    await fc.assert(
      fc.asyncProperty(fc.array(calls, { minLength: 1, maxLength: 5 }), async (all) => {
        const trace = traceOf(
          30,
          all.map((each) => ({ calls: each })),
        );
        const invocations = await writeInvocations(directory, trace);
        const read = await readAzure2019({ invocations, durations: undefined, memory: undefined }, signal);
        expect(read.functions.map(({ minutes, counts }) => ({ minutes, counts }))).toEqual(
          trace.functions.map(({ minutes, counts }) => ({ minutes, counts })),
        );
      }),
      { numRuns: 30 },
    );
  });

  const row = 'o,a,f,http,1,2';
  const FAULTS: readonly (readonly [what: string, lines: readonly string[], says: string])[] = [
    ['an empty file', [], 'invocations.csv, line 1: The file is empty.'],
    ['a header alone', [`${HEAD},1,2`], 'invocations.csv, line 2: No row follows the first line.'],
    [
      'a missing column',
      ['HashOwner,HashFunction,1,2', row],
      'line 1, column HashApp: The column is missing. The first line must name it, as in: ',
    ],
    [
      'a misspelled column',
      ['HashOwner,HashApp,HashFuntion,1', row],
      'column HashFunction: The column is missing. The first line must name it, as in: HashOwner,HashApp,HashFunction,Trigger,1,2,3. Is "HashFuntion" meant to be it?',
    ],
    ['semicolons', ['HashOwner;HashApp;HashFunction;1', row], 'the cells are not separated by commas. Write commas.'],
    ['no minutes', [HEAD, 'o,a,f,http'], 'line 1, column 1: No column is named after a minute.'],
    ['a minute left out', [`${HEAD},7,9`, row], 'line 1, column 9: The minute after 7 is missing.'],
    ['a column twice', [`${HEAD},7,7`, row], 'line 1, column 7: The column is there twice.'],
    [
      'a row that is too short',
      [`${HEAD},1,2`, row, 'o,a,g,http,1'],
      'line 3, column 2: The row has 5 cells, and the first line names 6 columns. Mend the row, or leave it out.',
    ],
    ['a row that is too long', [`${HEAD},1,2`, `${row},3`], 'line 2, column 7: The row has 7 cells'],
    [
      'a negative count',
      [`${HEAD},1,2`, 'o,a,f,http,1,-2'],
      'line 2, column 2: "-2" is negative. Write a number of calls, 0 or more.',
    ],
    ['a word for a count', [`${HEAD},1,2`, '', 'o,a,f,http,many,2'], 'line 3, column 1: "many" is not a number.'],
    ['half a call', [`${HEAD},1,2`, 'o,a,f,http,0.5,2'], 'line 2, column 1: "0.5" is not a whole number.'],
    ['an infinite count', [`${HEAD},1,2`, 'o,a,f,http,Infinity,2'], 'line 2, column 1: "Infinity" is not a number.'],
    ['a count beyond all bounds', [`${HEAD},1,2`, 'o,a,f,http,1,1e10'], 'line 2, column 2: "1e10" is too large.'],
    ['an empty cell', [`${HEAD},1,2`, 'o,a,f,http,,2'], 'line 2, column 1: The cell is empty.'],
    ['a function without a name', [`${HEAD},1,2`, 'o,a,,http,1,2'], 'line 2, column HashFunction: The cell is empty.'],
    [
      'a function that is there twice',
      [`${HEAD},1,2`, row, 'o,a,g,http,1,2', row],
      'line 4, column HashFunction: "f" is there twice, in line 2 too.',
    ],
    ['a quote that does not end', [`${HEAD},1,2`, 'o,a,"f,http,1,2'], 'line 2, column 3: A quote is out of place.'],
  ];

  it.each(FAULTS)('%s is refused with file, line and column, and how to mend it', async (_, invocations, says) => {
    expect(await messageOf(read2019({ invocations }))).toContain(says);
  });

  it('a fault beside the calls is found in its own file', async () => {
    const invocations = [`${HEAD},1,2`, row];
    const memory = (...lines: string[]) => messageOf(read2019({ invocations, memory: lines }));
    const durations = (...lines: string[]) => messageOf(read2019({ invocations, durations: lines }));
    expect(await memory('HashOwner,HashApp,Mb', 'o,a,1')).toContain(
      'memory.csv, line 1, column AverageAllocatedMb: The column is missing.',
    );
    expect(await memory('HashOwner,HashApp,AverageAllocatedMb', 'o,a,1', 'o,a,2')).toContain(
      'line 3, column HashApp: "a" is there twice, in line 2 too.',
    );
    expect(await memory('HashOwner,HashApp,AverageAllocatedMb', 'o,a,-1')).toContain(
      'line 2, column AverageAllocatedMb: "-1" is negative. Write a number of MB',
    );
    expect(await durations('HashOwner,HashApp,HashFunction,Average', 'o,a,f,slow')).toContain(
      'durations.csv, line 2, column Average: "slow" is not a number. Write a number of milliseconds',
    );
    expect(await durations('HashOwner,HashApp,Average', 'o,a,1')).toContain(
      'column HashFunction: The column is missing.',
    );
  });

  it('a file that is not there, or no file, is named', async () => {
    const directory = await temporaryDirectory();
    const read = (invocations: string) =>
      readAzure2019({ invocations, durations: undefined, memory: undefined }, signal);
    expect(await messageOf(read(`${directory}/nowhere.csv`))).toBe(
      'nowhere.csv: There is no such file. Check the path.',
    );
    expect(await messageOf(read(directory))).toBe(`${directory}: It is a folder. Name a file in it.`);
  });

  it('reading stops when it is told to', async () => {
    const invocations = await writeInvocations(await temporaryDirectory(), traceOf(3, [{ calls: { 0: 1 } }]));
    const files = { invocations, durations: undefined, memory: undefined };
    await expect(readAzure2019(files, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('the format of 2021', () => {
  it('counts a call in the minute in which it began, in any order of rows and columns', async () => {
    const trace = await read2021([
      'duration,func,x,end_timestamp,app',
      '1,f,,130.5,a',
      '70,f,,129,a',
      '0.5,f,,10,b',
      '2,f,,61,a',
    ]);
    // From minute 0, in which the last two began, to minute 2, in which the first two ended.
    expect(trace).toMatchObject({ minutes: 3, firstMinute: 0 });
    expect(trace.functions).toMatchObject([
      { id: 'f', minutes: Uint32Array.of(0, 2), counts: Uint32Array.of(2, 1), runMs: (1_000 * 73) / 3 },
      { id: 'f', minutes: Uint32Array.of(0), counts: Uint32Array.of(1), runMs: 500 },
    ]);
  });

  it('begins with the first call, also with one that began before time did', async () => {
    expect(await read2021(['app,func,end_timestamp,duration', 'a,f,30,45', 'a,f,90,1'])).toMatchObject({
      minutes: 3,
      firstMinute: -1,
      functions: [{ minutes: Uint32Array.of(0, 2), counts: Uint32Array.of(1, 1) }],
    });
  });

  const head = 'app,func,end_timestamp,duration';
  it.each([
    [
      'a missing column',
      ['app,function,end_timestamp,duration', 'a,f,1,1'],
      'line 1, column func: The column is missing.',
    ],
    ['a negative duration', [head, 'a,f,1,-1'], 'line 2, column duration: "-1" is negative. Write a number of seconds'],
    ['a word for a time', [head, 'a,f,1,1', 'a,f,noon,1'], 'line 3, column end_timestamp: "noon" is not a number.'],
    [
      'milliseconds',
      [head, 'a,f,1,1', 'a,f,9e10,1'],
      'line 3, column end_timestamp: With this call the trace is longer than 527040 minutes. Times are in seconds: are these milliseconds?',
    ],
    ['a row that is too short', [head, 'a,f,1'], 'line 2, column duration: The row has 3 cells'],
    ['an empty file', [], 'events.csv, line 1: The file is empty.'],
  ])('%s is refused with file, line and column, and how to mend it', async (_, lines, says) => {
    expect(await messageOf(read2021(lines))).toContain(says);
  });
});
