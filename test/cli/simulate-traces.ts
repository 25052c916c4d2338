/** Small traces for the tests of `troupe simulate`: made, never recorded. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Trace, TracedFunction } from '../../src/cli/simulate/trace.ts';

/** Calls by minute. */
export type Calls = Readonly<Record<number, number>>;

export interface Made {
  readonly calls: Calls;
  readonly memoryMb?: number;
  readonly runMs?: number;
}

/** One call at `from`, and every `period` minutes after it, before `until`. */
export function timer({ from = 0, period, until }: { from?: number; period: number; until: number }): Calls {
  const count = Math.ceil((until - from) / period);
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [from + index * period, 1]));
}

export function traceOf(minutes: number, functions: readonly Made[]): Trace {
  return { minutes, firstMinute: 0, functions: functions.map(tracedOf) };
}

function tracedOf({ calls, memoryMb, runMs }: Made, index: number): TracedFunction {
  const entries = Object.entries(calls);
  return {
    id: `function-${index}`,
    trigger: undefined,
    minutes: Uint32Array.from(entries, ([minute]) => Number(minute)),
    counts: Uint32Array.from(entries, ([, count]) => count),
    memoryMb,
    runMs,
  };
}

/** In the format of Azure Functions 2019. */
export async function writeInvocations(directory: string, trace: Trace, firstMinute = 1): Promise<string> {
  const header = Array.from({ length: trace.minutes }, (_, minute) => firstMinute + minute);
  const rows = trace.functions.map(({ id, minutes, counts }) => {
    const cells = new Array(trace.minutes).fill(0);
    for (const [index, minute] of minutes.entries()) cells[minute] = counts[index];
    return ['owner', 'app', id, 'timer', ...cells].join(',');
  });
  return writeTo(directory, 'invocations.csv', [`HashOwner,HashApp,HashFunction,Trigger,${header.join(',')}`, ...rows]);
}

export async function writeMemory(directory: string, trace: Trace): Promise<string> {
  const rows = trace.functions.map(({ id, memoryMb }) => `owner,app,${id},5,${memoryMb ?? 170}`);
  return writeTo(directory, 'memory.csv', ['HashOwner,HashApp,HashFunction,SampleCount,AverageAllocatedMb', ...rows]);
}

export async function writeTo(directory: string, name: string, lines: readonly string[], end = '\n'): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, lines.map((line) => line + end).join(''));
  return path;
}
