/** Puts workflow composition together: spawns W1 to W4 and hands each its references. No logic. */
import { CPU_SHARES, type HostConfig } from '../config.ts';
import type { AutoscalerMessages } from '../function-management/autoscaler/protocol.ts';
import type { CallOutcome, CallRequest, WorkflowDoor } from '../function-management/router/protocol.ts';
import type { ActorSystem } from '../kernel/actor-system.ts';
import { holdClock } from '../kernel/clock.ts';
import type { ActorRef } from '../kernel/protocol.ts';
import { STAMP } from '../ledger/protocol.ts';
import type { Store } from '../store/protocol.ts';
import { ownBytes } from '../transport/own-bytes.ts';
import { workflowEngineActor } from './engine/engine.ts';
import { httpSender } from './engine/http-step.ts';
import type { StepOutcome, WorkflowEngineMessages } from './engine/protocol.ts';
import { DurableExecutionStore } from './execution-store/execution-store.ts';
import { createExpressions } from './languages/fission/expressions/expressions.ts';
import { fissionLanguage } from './languages/fission/language.ts';
import type { WorkflowRegistryMessages, WorkflowTable } from './registry/protocol.ts';
import { workflowRegistryActor } from './registry/registry.ts';
import { LoadedWorkflows } from './registry/workflow-table.ts';
import { lookAheadPolicy } from './scheduler/policies.ts';
import { ProfileMemory } from './scheduler/profile-memory.ts';
import type { WorkflowSchedulerMessages } from './scheduler/protocol.ts';
import { workflowSchedulerActor } from './scheduler/scheduler.ts';
import { Warmth } from './scheduler/warmth.ts';

export interface CompositionParts {
  readonly config: HostConfig;
  readonly system: ActorSystem;
  readonly store: Store;
  readonly random: () => number;
  readonly encode: (value: unknown) => Uint8Array;
  readonly send: (request: Omit<CallRequest, 'mode' | 'chunk' | 'from'>) => { cancel(): void };
  readonly autoscaler: ActorRef<AutoscalerMessages>;
  readonly functionNames: () => Iterable<string>;
  readonly functionExists: (name: string) => boolean;
  readonly concurrencyOf: (name: string) => number;
  /** Unique for ever. */
  readonly newId: () => string;
  /** Actors that workflows need to the end. */
  readonly dependsOn: readonly { readonly path: string }[];
  readonly onFault: (fault: string) => void;
}

export interface Composition {
  readonly engine: ActorRef<WorkflowEngineMessages>;
  readonly workflowRegistry: ActorRef<WorkflowRegistryMessages>;
  readonly workflowScheduler: ActorRef<WorkflowSchedulerMessages>;
  readonly workflows: WorkflowTable;
  readonly door: WorkflowDoor;
  close(): Promise<void>;
}

export function composeWorkflows(parts: CompositionParts): Composition {
  const { config, system, store, random, encode, send, autoscaler, onFault, functionExists, functionNames } = parts;
  const { clock } = system;
  const expressions = createExpressions({
    resultLimitBytes: config.payloadLimitBytes,
    during: (work) => holdClock(clock, 'an expression of a workflow', work),
  });
  const table = new LoadedWorkflows([fissionLanguage(expressions)]);
  const executions = new DurableExecutionStore(store.database('executions'));
  const policy = lookAheadPolicy(config.lookAhead, CPU_SHARES);
  const gate = new Warmth(policy.horizon);
  const workflowScheduler = system.spawn(
    workflowSchedulerActor({
      policy,
      processors: CPU_SHARES,
      memory: new ProfileMemory(store.database('forecasts')),
      gate,
      concurrencyOf: parts.concurrencyOf,
      order: ({ functionName: name, instances, untilMs, reason: by }) =>
        void autoscaler.tell('expect', { name, instances, untilMs, by }),
    }),
  );
  const workflowRegistry = system.spawn(
    workflowRegistryActor({
      store: store.database('workflows'),
      table,
      clock,
      functionExists,
      functionNames,
      inUse: (name, version) => isInUse(executions, name, version),
      onFault,
    }),
  );
  const engine = system.spawn({
    ...workflowEngineActor({
      store: executions,
      workflows: table,
      scheduler: workflowScheduler,
      gate,
      callFunction: ({ functionName, payload, timeoutMs, idempotencyKey, depth, alive }, settled) =>
        send({
          functionName,
          payload,
          idempotencyKey,
          depth,
          ...(timeoutMs !== undefined && { timeoutMs }),
          ...(alive && { alive }),
          settled: (outcome) => settled(stepOutcome(outcome)),
        }),
      sendRequest: httpSender(config.payloadLimitBytes, clock),
      encode,
      random,
      newId: parts.newId,
      maxDepth: config.maxCallDepth,
      keepHistoryMs: config.keepHistoryMs,
      keepResultsMs: config.keepResultsMs,
      onFault,
    }),
    dependsOn: [...parts.dependsOn, workflowRegistry, workflowScheduler],
  });
  return {
    engine,
    workflowRegistry,
    workflowScheduler,
    workflows: table,
    door: {
      has: (name) => table.has(name),
      invoke: (call) => engine.tell('invoke', call),
      abandon: (call) => void engine.tell('abandon', call),
    },
    close: () => expressions.close(),
  };
}

function isInUse(executions: DurableExecutionStore, name: string, version: number): boolean {
  for (const open of executions.open()) if (open.workflow === name && open.version === version) return true;
  return false;
}

function stepOutcome(outcome: CallOutcome): StepOutcome {
  const { row } = outcome;
  const isCold = row.coldStart !== undefined;
  const [receivedMs, dequeuedMs, specialisedMs] = [STAMP.received, STAMP.dequeued, STAMP.specialised].map((stamp) =>
    row.at(stamp),
  ) as [number, number, number];
  // A call that failed before it was routed has no other stamps.
  const timing = {
    startedAtMs: row.receivedAtMs,
    queueMs: Math.max(0, dequeuedMs - receivedMs),
    coldStartMs: isCold ? Math.max(0, specialisedMs - Math.max(dequeuedMs, receivedMs)) : 0,
    runMs: Math.max(0, row.at(STAMP.finished) - row.at(STAMP.delivered)),
  };
  if (outcome.kind === 'failed') return { kind: 'failed', error: outcome.error, timing, isCold };
  return { kind: 'succeeded', payload: ownBytes(outcome.payload), timing, isCold };
}
