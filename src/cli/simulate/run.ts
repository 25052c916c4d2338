/** One run of `troupe simulate`: reads the trace, replays what was asked for, and prints it. */
import { stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { TroupeError } from '../../errors.ts';
import { type Terminal, toJson } from '../terminal.ts';
import { readAzure2019 } from './azure-2019.ts';
import { readAzure2021 } from './azure-2021.ts';
import { fault } from './csv.ts';
import type { PolicyFigures } from './figures.ts';
import { readHostHistory, readStoredHistory } from './host-history.ts';
import { pageOf } from './page.ts';
import { ALL, choosePolicies, FIXED, nameOf, type PolicyChoice } from './policies.ts';
import { number, type Results, report } from './report.ts';
import type { Goal } from './search.ts';
import { type Curves, type Outcome, Simulation } from './simulation.ts';
import { callsOf, type Trace } from './trace.ts';

export interface SimulateFlags {
  readonly invocations?: string;
  readonly durations?: string;
  readonly memory?: string;
  readonly events?: string;
  readonly host?: string;
  readonly data?: string;
  readonly policy?: string;
  readonly keepAlive?: number;
  readonly coldStartMs?: number;
  readonly targetWaste?: number;
  readonly targetCold?: number;
  readonly curve?: boolean;
  readonly html?: string;
  readonly json?: boolean;
}

const KEEP_ALIVE_MINUTES = 10;
const MINUTE_MS = 60_000;

export async function runSimulation(flags: SimulateFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { html, json, keepAlive = KEEP_ALIVE_MINUTES, coldStartMs } = flags;
  const choices = flags.policy === undefined ? ALL : choosePolicies(flags.policy);
  const goal = goalOf(flags, choices);
  if (html !== undefined) await checkWritable(html, flags);
  const note = (line: string) => terminal.note(terminal.noteColors.dim(line));
  const trace = await readTrace(flags, signal);
  note(`read ${number(trace.functions.length)} functions, ${number(callsOf(trace))} calls`);
  const simulation = new Simulation({ trace, keepAliveMs: keepAlive * MINUTE_MS, coldStartMs, signal, note });
  const ran = await runPolicies(simulation, choices, goal);
  const curves = flags.curve || html !== undefined ? await simulation.curves() : undefined;
  if (ran.chosen?.found.isMet === false) terminal.note('No point of the curve of predictive meets the target.');
  const printed = flags.curve ? curves : undefined;
  if (json) terminal.out(toJson(jsonOf(ran.policies, printed)));
  if (json && html === undefined) return;
  const results = { trace, ...ran, fixed: ran.fixed ?? (await simulation.run(FIXED)) };
  if (html !== undefined) {
    await write(html, pageOf({ ...results, curves }));
    note(`wrote ${html}`);
  }
  if (json) return;
  for (const line of report({ ...results, curves: printed }, terminal.outColors)) terminal.out(line);
}

function goalOf({ targetWaste, targetCold }: SimulateFlags, choices: readonly PolicyChoice[]): Goal | undefined {
  if (targetWaste === undefined && targetCold === undefined) return undefined;
  if (!choices.some(isSearched)) {
    const flag = targetWaste === undefined ? '--target-cold' : '--target-waste';
    const message = `${flag} chooses the exchange rate of predictive: add predictive, without a rate, to --policy.`;
    throw new TroupeError('INVALID_ARGUMENT', message);
  }
  return targetWaste === undefined ? { avoidableColdStarts: targetCold ?? 0 } : { wasteGbMinutes: targetWaste };
}

function isSearched({ policy, value }: PolicyChoice): boolean {
  return policy === 'predictive' && value === undefined;
}

function readTrace(flags: SimulateFlags, signal: AbortSignal): Promise<Trace> {
  const { invocations, durations, memory, events, host, data } = flags;
  if (invocations !== undefined) return readAzure2019({ invocations, durations, memory }, signal);
  if (host !== undefined) return readHostHistory(host, signal);
  if (data !== undefined) return readStoredHistory(data);
  return readAzure2021(events ?? '', signal);
}

/** In the order in which they were named; `fixed` is what the others are compared with, if it is among them. */
async function runPolicies(simulation: Simulation, choices: readonly PolicyChoice[], goal: Goal | undefined) {
  const policies: Outcome[] = [];
  let fixed: Outcome | undefined;
  let chosen: Results['chosen'];
  for (const choice of choices) {
    if (goal && isSearched(choice)) {
      const found = await simulation.choose(goal);
      const { warm } = await simulation.run({ ...choice, value: found.point.rate });
      const { rate: _, ...figures } = found.point;
      policies.push({ figures: { ...figures, policy: nameOf(choice) }, warm });
      chosen = { goal, found };
      continue;
    }
    const outcome = await simulation.run(choice);
    policies.push(outcome);
    if (nameOf(choice) === nameOf(FIXED)) fixed = outcome;
  }
  return { fixed, policies, chosen };
}

/** The policies in the order in which they were named, then the points of the curves. */
function jsonOf(policies: readonly Outcome[], curves: Curves | undefined): PolicyFigures[] {
  const points = (curves?.predictive ?? []).map(({ rate: _, ...figures }) => figures);
  return [...policies.map(({ figures }) => figures), ...points, ...(curves?.fixed ?? [])];
}

/** Before hours of replays. */
async function checkWritable(path: string, { invocations, durations, memory, events }: SimulateFlags): Promise<void> {
  const read = [invocations, durations, memory, events].filter((each) => each !== undefined);
  if (read.some((each) => resolve(each) === resolve(path))) {
    throw new TroupeError('INVALID_ARGUMENT', `--html ${path} would overwrite the trace. Give it a name of its own.`);
  }
  const place = { file: path };
  const folder = await stat(dirname(resolve(path))).catch(() => undefined);
  if (!folder?.isDirectory()) throw fault(place, 'The page has nowhere to go.', 'Make the folder first.');
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw fault(place, 'It is a folder.', 'Name a file in it.');
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TroupeError('INVALID_ARGUMENT', `Cannot write ${path}: ${why}.`, { cause });
  }
}
