/** An engine on a virtual clock, between functions that are JavaScript here and a store that outlives it. */
import { TroupeError, toTroupeError } from '../../../src/errors.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import type { ActorRef } from '../../../src/kernel/protocol.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { openMemoryStore } from '../../../src/store/memory-store.ts';
import { decodePayload, encodePayload } from '../../../src/transport/codec.ts';
import { workflowEngineActor } from '../../../src/workflow-composition/engine/engine.ts';
import type {
  SendRequest,
  StepCall,
  StepOutcome,
  WorkflowEngineMessages,
} from '../../../src/workflow-composition/engine/protocol.ts';
import type { ExecutionEvent } from '../../../src/workflow-composition/events.ts';
import { DurableExecutionStore } from '../../../src/workflow-composition/execution-store/execution-store.ts';
import type { ExecutionStore } from '../../../src/workflow-composition/execution-store/protocol.ts';
import type { CompiledWorkflow } from '../../../src/workflow-composition/registry/protocol.ts';
import type { WorkflowSchedulerMessages } from '../../../src/workflow-composition/scheduler/protocol.ts';
import { type Graph, graphLanguage } from './graph-language.ts';

/** What a function is here: at once, or after so many ms of the clock. */
export type FakeFunction = (input: unknown, call: StepCall) => unknown;

/** Answers after so long. */
export class After {
  readonly delayMs: number;
  readonly value: unknown;
  constructor(delayMs: number, value: unknown) {
    this.delayMs = delayMs;
    this.value = value;
  }
}

export interface WorldOptions {
  readonly workflows: Readonly<Record<string, Graph>>;
  readonly functions?: Readonly<Record<string, FakeFunction>>;
  readonly wrapStore?: (store: ExecutionStore) => ExecutionStore;
  readonly sendRequest?: SendRequest;
  readonly horizon?: number;
}

export async function world(options: WorldOptions) {
  const clock = new VirtualClock();
  const kv = await openMemoryStore({ clock });
  const store = new DurableExecutionStore(kv.database('executions'));
  const faults: string[] = [];
  const called: { readonly name: string; readonly input: unknown; readonly key: string; isCancelled: boolean }[] = [];
  const told: { readonly type: string; readonly body: unknown }[] = [];
  const engine = () =>
    startEngine(options, { clock, store: options.wrapStore?.(store) ?? store, called, faults, told });
  return { clock, store, called, faults, told, startEngine: engine, ...engine() };
}

type Shared = {
  readonly clock: VirtualClock;
  readonly store: ExecutionStore;
  readonly called: { readonly name: string; readonly input: unknown; readonly key: string; isCancelled: boolean }[];
  readonly faults: string[];
  readonly told: { readonly type: string; readonly body: unknown }[];
};

let generation = 0;

function startEngine(options: WorldOptions, { clock, store, called, faults, told }: Shared) {
  const { functions = {}, workflows, horizon = 0 } = options;
  const system = new ActorSystem({
    clock,
    onActorError: (path, error) => void faults.push(`${path}: ${error.message}`),
  });
  const prefix = `x${++generation}`;
  let ids = 0;
  const scheduler = {
    path: '/scheduler',
    tell: (type: string, body: unknown) => told.push({ type, body }) > 0,
    ask: async () => undefined,
  } as unknown as ActorRef<WorkflowSchedulerMessages>;
  const engine = system.spawn(
    workflowEngineActor({
      store,
      scheduler,
      gate: { horizon, wants: () => true },
      workflows: {
        has: (name) => name in workflows,
        names: () => Object.keys(workflows),
        resolve: (name, which) => compiled(workflows, name, which?.version ?? 1),
      },
      callFunction: (call, settled) => {
        const record = {
          name: call.functionName,
          input: decodePayload(call.payload),
          key: call.idempotencyKey,
          isCancelled: false,
        };
        called.push(record);
        const startedAtMs = clock.wallMs();
        const timing = () => ({ startedAtMs, queueMs: 0, coldStartMs: 0, runMs: clock.wallMs() - startedAtMs });
        const settle = (outcome: () => unknown) => {
          if (record.isCancelled) return;
          settled(outcomeOf(outcome, timing()));
        };
        const run = functions[call.functionName];
        let answer: unknown;
        let thrown: unknown;
        try {
          if (!run) throw new TroupeError('FUNCTION_NOT_FOUND', `No function "${call.functionName}".`);
          answer = run(record.input, call);
        } catch (error) {
          thrown = error;
        }
        const delayMs = answer instanceof After ? answer.delayMs : 0;
        clock.after(delayMs, () =>
          settle(() => {
            if (thrown !== undefined) throw thrown;
            const value = answer instanceof After ? answer.value : answer;
            if (value instanceof Error) throw value;
            return value;
          }),
        );
        return {
          cancel: () => {
            record.isCancelled = true;
          },
        };
      },
      sendRequest: options.sendRequest ?? (() => Promise.reject(new TroupeError('INTERNAL', 'no requests here'))),
      encode: (value) => encodePayload(value),
      random: seededRandom(1),
      newId: () => `${prefix}-${++ids}`,
      maxDepth: 16,
      keepHistoryMs: 86_400_000,
      keepResultsMs: 7 * 86_400_000,
      onFault: (fault) => void faults.push(fault),
    }),
  ) as unknown as ActorRef<WorkflowEngineMessages>;
  return { system, engine };
}

function compiled(workflows: WorldOptions['workflows'], name: string, version: number): CompiledWorkflow {
  const definition = workflows[name];
  if (!definition) throw new TroupeError('WORKFLOW_NOT_FOUND', `No workflow "${name}".`);
  return {
    name,
    version,
    language: graphLanguage,
    definition,
    summary: graphLanguage.describe(definition),
  } as CompiledWorkflow;
}

function outcomeOf(run: () => unknown, timing: StepOutcome['timing']): StepOutcome {
  try {
    return { kind: 'succeeded', payload: encodePayload(run() ?? null), timing, isCold: false };
  } catch (thrown) {
    const error =
      thrown instanceof TroupeError
        ? thrown
        : new TroupeError('FUNCTION_ERROR', thrown instanceof Error ? thrown.message : String(thrown), {
            cause: thrown,
          });
    return { kind: 'failed', error: toTroupeError(error), timing, isCold: false };
  }
}

export const input = (value: unknown = null) => encodePayload(value);

/** What the execution put out. Rejects with what is none of that. */
export async function outputOf(engine: ActorRef<WorkflowEngineMessages>, id: string): Promise<unknown> {
  const result = await engine.ask('result', { id }, { timeoutMs: Number.POSITIVE_INFINITY });
  if (result.kind !== 'succeeded') throw new Error(JSON.stringify(result));
  return result.output && decodePayload(result.output);
}

export const typesOf = (events: readonly ExecutionEvent[]) => events.map(({ type }) => type);
