/** Runs a workflow that is in a file: starts a host in this process, deploys what it calls, runs it, and leaves nothing behind. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { TroupeError, toTroupeError } from '../../errors.ts';
import type { Troupe } from '../../troupe.ts';
import type { ExecutionDetails } from '../../workflows.ts';
import { orAborted } from '../signals.ts';
import { type Terminal, toJson, toReadableJson } from '../terminal.ts';
import { readWorkflow } from './definitions.ts';
import { withFaults } from './faults.ts';
import {
  checkNames,
  type Found,
  type FoundFunction,
  type FoundWorkflow,
  findIn,
  namedIn,
  workflowNameOf,
} from './function-directory.ts';

export interface WorkflowInvocation {
  readonly path: string;
  /** Where its functions are; without it, what the workflow names of its own directory. */
  readonly functions?: string;
  readonly payload: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly id?: string;
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Builds and trial runs beside each other: they take processors, and memory. */
const DEPLOYED_AT_ONCE = 4;

export async function invokeWorkflowFile(invocation: WorkflowInvocation): Promise<void> {
  const { terminal, signal } = invocation;
  const plan = await planOf(invocation);
  const { createTroupe } = await import('../../troupe.ts');
  // As for a function in a file: what it uses up must cost its call, and not this process.
  const troupe = await createTroupe({ agent: 'process', drainTimeoutMs: 0 });
  try {
    troupe.followLogs(({ level, message }) => terminal.note(`${level} ${message}`));
    await orAborted(deployAll(troupe, plan, terminal), signal);
    await orAborted(run(troupe, plan.name, invocation), signal);
  } catch (thrown) {
    throw withPlace(toTroupeError(thrown), plan);
  } finally {
    await troupe.close();
  }
}

interface Plan {
  readonly name: string;
  readonly path: string;
  readonly text: string;
  readonly directory: string;
  readonly isWhole: boolean;
  readonly found: Found;
  /** Those that the workflow names: without them it cannot run. */
  readonly needed: Found;
}

async function planOf({ path, functions }: WorkflowInvocation): Promise<Plan> {
  const text = await readWorkflow(path);
  const directory = functions ?? dirname(path);
  const inside = await findIn(directory);
  const others = { ...inside, workflows: inside.workflows.filter((each) => resolve(each.path) !== resolve(path)) };
  const texts = new Map<FoundWorkflow, string>();
  for (const workflow of others.workflows) texts.set(workflow, await readFile(workflow.path, 'utf8'));
  const needed = namedIn(text, others, (workflow) => texts.get(workflow) ?? '');
  // A directory that happens to hold the workflow may hold scripts that nobody wants to be loaded.
  const found = functions === undefined ? needed : others;
  checkNames(found);
  const taken = new Set([...found.functions, ...found.workflows].map(({ name }) => name));
  const own = workflowNameOf(path);
  const name = taken.has(own) ? `${own.slice(0, 63 - SUFFIX.length)}${SUFFIX}` : own;
  return { name, path, text, directory, isWhole: functions !== undefined, found, needed };
}

/** Of a workflow whose name one of its functions has. */
const SUFFIX = '-workflow';

async function deployAll(troupe: Troupe, plan: Plan, terminal: Terminal): Promise<void> {
  const { found, needed, name, path, text } = plan;
  await forEach(found.functions, async (each) => {
    try {
      await deployFunction(troupe, each);
    } catch (thrown) {
      if (needed.functions.includes(each)) throw thrown;
      terminal.note(`${each.path} is left out: ${toTroupeError(thrown).message}`);
    }
  });
  await deployWorkflows(troupe, plan, terminal);
  try {
    await troupe.workflows.deploy({ name, source: { code: text, language: 'yaml' } });
  } catch (thrown) {
    throw withFaults(toTroupeError(thrown), path, lookedIn(plan));
  }
}

async function deployFunction(troupe: Troupe, { name, path, isExecutable }: FoundFunction): Promise<void> {
  await troupe.deploy({ name, source: path, ...(isExecutable && { runtime: 'exec' }) });
}

/** Each once those that it calls are there, which its deployment itself tells: again and again, for as long as one more succeeds. */
async function deployWorkflows(troupe: Troupe, plan: Plan, terminal: Terminal): Promise<void> {
  const left = new Map<FoundWorkflow, TroupeError | undefined>(plan.found.workflows.map((each) => [each, undefined]));
  for (let before = -1; left.size > 0 && left.size !== before; ) {
    before = left.size;
    for (const workflow of [...left.keys()]) {
      try {
        await troupe.workflows.deploy({ name: workflow.name, source: workflow.path });
        left.delete(workflow);
      } catch (thrown) {
        const error = toTroupeError(thrown);
        if (error.code !== 'WORKFLOW_INVALID') throw error;
        left.set(workflow, error);
      }
    }
  }
  for (const [workflow, error] of left) {
    if (!error) continue;
    const told = withFaults(error, workflow.path, lookedIn(plan));
    if (plan.needed.workflows.includes(workflow)) throw told;
    terminal.note(`${workflow.path} is left out: ${told.message}`);
  }
}

async function run(troupe: Troupe, name: string, invocation: WorkflowInvocation): Promise<void> {
  const { payload, headers, timeoutMs, id, json, terminal } = invocation;
  const execution = await troupe.workflows.start(name, payload, {
    headers,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(id !== undefined && { id }),
    // There is no disk to wait for.
    durability: 'memory',
  });
  const result = await execution.result();
  if (!json) return terminal.out(toReadableJson(result, terminal));
  terminal.out(toJson({ result, execution: shownExecution(await execution.status()) }));
}

/** Without what is the workflow's own, and what has been printed. */
function shownExecution({ graph: _, output: __, running: ___, ...shown }: ExecutionDetails): object {
  return shown;
}

/** A function that is called only when the workflow runs, and is not there. */
function withPlace(error: TroupeError, plan: Plan): TroupeError {
  let cause: unknown = error;
  for (let depth = 0; depth < 8 && cause instanceof Error; depth++, cause = cause.cause) {
    if (!(cause instanceof TroupeError) || cause.code !== 'FUNCTION_NOT_FOUND') continue;
    const { details } = error;
    return new TroupeError(error.code, `${error.message} ${lookedIn(plan)}`, { details, cause: error.cause });
  }
  return error;
}

function lookedIn({ directory, found, isWhole }: Plan): string {
  const names = [...found.functions, ...found.workflows].map(({ name }) => name);
  const what = names.length === 0 ? 'none is there' : `there are ${names.join(', ')}`;
  const hint = isWhole ? '' : ' Only what the workflow names was looked for; --functions DIR takes all of a directory.';
  return `Functions were looked for in ${directory}: ${what}.${hint}`;
}

async function forEach<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await use(item);
  };
  await Promise.all(Array.from({ length: DEPLOYED_AT_ONCE }, work));
}
