/**
 * What a replay comes to. A minute in which a function is called while no instance of it is warm is one cold start; that of its first active minute
 * cannot be avoided. Waste is the function's memory for every minute in which an instance is warm and nobody calls, from its first call to the end
 * of the trace. Pure.
 */
import { quantile, sorted } from '../bench/quantiles.ts';
import type { WarmMinutes } from './replay.ts';
import { callsOf, memoryOf, type Trace } from './trace.ts';

export interface PolicyFigures {
  readonly policy: string;
  readonly functions: number;
  readonly invocations: number;
  /** Minutes in which a function is called, over all functions. */
  readonly activeMinutes: number;
  readonly coldStarts: number;
  readonly avoidableColdStarts: number;
  /** Over the functions that were called: cold starts, the first included, in percent of active minutes. */
  readonly p50FunctionColdPercent: number;
  readonly p75FunctionColdPercent: number;
  readonly wasteGbMinutes: number;
}

export interface FunctionFigures {
  readonly index: number;
  readonly activeMinutes: number;
  readonly coldStarts: number;
  readonly avoidableColdStarts: number;
  readonly idleMinutes: number;
  readonly wasteGbMinutes: number;
}

const MB_PER_GB = 1_024;

export function figuresOf(policy: string, trace: Trace, warm: WarmMinutes): PolicyFigures {
  const each = functionFigures(trace, warm);
  const sum = (figure: keyof FunctionFigures) => each.reduce((total, figures) => total + figures[figure], 0);
  const percents = sorted(coldPercents(each));
  return {
    policy,
    functions: trace.functions.length,
    invocations: callsOf(trace),
    activeMinutes: sum('activeMinutes'),
    coldStarts: sum('coldStarts'),
    avoidableColdStarts: sum('avoidableColdStarts'),
    p50FunctionColdPercent: rounded(quantile(percents, 0.5)),
    p75FunctionColdPercent: rounded(quantile(percents, 0.75)),
    wasteGbMinutes: rounded(sum('wasteGbMinutes')),
  };
}

export function functionFigures(trace: Trace, warm: WarmMinutes): FunctionFigures[] {
  return trace.functions.map((traced, index) => {
    const { minutes } = traced;
    const activeMinutes = minutes.length;
    const first = minutes[0] ?? trace.minutes;
    let [coldStarts, warmMinutes] = [0, 0];
    for (const minute of minutes) if (!warm.has(index, minute)) coldStarts++;
    for (let minute = first; minute < trace.minutes; minute++) if (warm.has(index, minute)) warmMinutes++;
    const idleMinutes = warmMinutes - (activeMinutes - coldStarts);
    return {
      index,
      activeMinutes,
      coldStarts,
      // Nobody is warm before the first call.
      avoidableColdStarts: Math.max(0, coldStarts - 1),
      idleMinutes,
      wasteGbMinutes: (idleMinutes * memoryOf(traced)) / MB_PER_GB,
    };
  });
}

/** Of functions that were called. */
export function coldPercents(each: readonly FunctionFigures[]): number[] {
  return each
    .filter(({ activeMinutes }) => activeMinutes > 0)
    .map(({ coldStarts, activeMinutes }) => (100 * coldStarts) / activeMinutes);
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
