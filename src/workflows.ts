/** The embedding API of workflows: `troupe.workflows`. Checks what users pass and hands it to the actors. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SerializedError } from './errors.ts';
import { deserializeError, TroupeError } from './errors.ts';
import type { Caller } from './function-management/router/caller.ts';
import type { ProcessHold } from './kernel/process-hold.ts';
import type { ActorRef } from './kernel/protocol.ts';
import { decodePayload } from './transport/codec.ts';
import type { ExecutionResult, ExecutionView, WorkflowEngineMessages } from './workflow-composition/engine/protocol.ts';
import type { Durability, ExecutionEvent, RequestParts } from './workflow-composition/events.ts';
import type { ExecutionStatus } from './workflow-composition/execution-state.ts';
import type { ExecutionQuery, ExecutionSummary } from './workflow-composition/execution-store/protocol.ts';
import type { WorkflowDescription, WorkflowRegistryMessages } from './workflow-composition/registry/protocol.ts';

/** What the API needs of the runtime. */
export interface WorkflowParts {
  readonly hold: ProcessHold;
  readonly caller: Pick<Caller, 'encode'>;
  readonly engine: ActorRef<WorkflowEngineMessages>;
  readonly workflowRegistry: ActorRef<WorkflowRegistryMessages>;
  readonly isClosing: boolean;
}

export interface DeployWorkflowOptions {
  /** 1 to 63 lower-case letters, digits and hyphens; no function may have it. */
  readonly name: string;
  /** A path of a file, a file URL, or `{ code, language: 'yaml' }`. */
  readonly source: string | URL | { readonly code: string; readonly language: 'yaml' };
}

export interface DeployedWorkflow {
  readonly name: string;
  readonly version: number;
  /** False when this very source was current already. */
  readonly isNew: boolean;
}

export interface StartWorkflowOptions extends RequestParts {
  /** 1 to 200 characters. A second start with the same id starts nothing and gives the first. */
  readonly id?: string;
  readonly version?: number;
  readonly alias?: string;
  /** Cancels it, and fails it with `TIMEOUT`, when it has not ended by then. */
  readonly timeoutMs?: number;
  readonly durability?: Durability;
}

/** An event as people and programs read it: values are decoded, and those over 16 KiB are told by their size. */
export type HistoryEvent = { readonly type: ExecutionEvent['type']; readonly atMs: number } & Readonly<
  Record<string, unknown>
>;

/** A status with its steps. */
export interface ExecutionDetails extends Omit<ExecutionView, 'output' | 'known'> {
  readonly known: readonly ExecutionStep[];
  readonly output?: unknown;
}

export interface ExecutionStep {
  readonly step: string;
  readonly status: ExecutionView['known'][number]['status'];
  readonly attempts: number;
  readonly atMs: number;
  readonly dueAtMs?: number;
  readonly signal?: string;
  readonly error?: SerializedError;
  readonly timing?: NonNullable<ExecutionView['known'][number]['timing']>;
}

/** What may be done to an execution, whether there is one or not: where there is none, each rejects with `EXECUTION_NOT_FOUND`. */
export interface ExecutionControls<Result = unknown> {
  readonly id: string;
  /** Resolves when it has ended, however long that takes. Rejects with its error, or with `CANCELLED`. */
  result(): Promise<Result>;
  status(): Promise<ExecutionDetails>;
  signal(name: string, payload?: unknown): Promise<void>;
  cancel(reason?: string): Promise<ExecutionStatus>;
  pause(): Promise<ExecutionStatus>;
  resume(): Promise<ExecutionStatus>;
  redrive(): Promise<ExecutionStatus>;
  history(): Promise<HistoryEvent[]>;
}

export interface ExecutionHandle<Result = unknown> extends ExecutionControls<Result> {
  readonly workflow: string;
  readonly version: number;
  /** False where there was one of that id already. */
  readonly isNew: boolean;
}

const NO_TIMEOUT = { timeoutMs: Number.POSITIVE_INFINITY };

export class Workflows {
  readonly #parts: WorkflowParts;

  /** @internal Use `troupe.workflows`. */
  constructor(parts: WorkflowParts) {
    this.#parts = parts;
  }

  /**
   * Compiles the definition, checks that what it calls is deployed, and makes it the current version; executions that run stay on theirs. Rejects with
   * `WORKFLOW_INVALID` and every fault at once, each with its line and column.
   */
  async deploy({ name, source }: DeployWorkflowOptions): Promise<DeployedWorkflow> {
    this.#checkReady();
    const { hold, workflowRegistry } = this.#parts;
    const text = await readSource(source);
    const { version, isNew } = await hold.while(workflowRegistry.ask('deploy', { name, ...text }));
    return { name: version.name, version: version.version, isNew };
  }

  list(): Promise<readonly WorkflowDescription[]> {
    return this.#parts.hold.while(this.#parts.workflowRegistry.ask('list', undefined));
  }

  describe(name: string): Promise<WorkflowDescription> {
    return this.#parts.hold.while(this.#parts.workflowRegistry.ask('describe', { name }));
  }

  async setAlias(name: string, alias: string, version: number): Promise<void> {
    this.#checkReady();
    await this.#parts.hold.while(this.#parts.workflowRegistry.ask('setAlias', { name, alias, version }));
  }

  /** Executions that run go on to their end. */
  async remove(name: string): Promise<void> {
    this.#checkReady();
    await this.#parts.hold.while(this.#parts.workflowRegistry.ask('remove', { name }));
  }

  /** Starts an execution; resolves once the start is on disk, unless it is to be in memory only. */
  async start<Result = unknown>(
    name: string,
    input?: unknown,
    options: StartWorkflowOptions = {},
  ): Promise<ExecutionHandle<Result>> {
    this.#checkReady();
    const { hold, engine, caller } = this.#parts;
    const request = { ...options, workflow: name, input: caller.encode(input) };
    const started = await hold.while(engine.ask('start', request));
    return { ...started, ...this.execution<Result>(started.id) };
  }

  /** An execution that was started before, perhaps by another run of this program. Rejects with `EXECUTION_NOT_FOUND`. */
  async get<Result = unknown>(id: string): Promise<ExecutionHandle<Result>> {
    const { workflow, version } = await this.#show(id);
    return { workflow, version, isNew: false, ...this.execution<Result>(id) };
  }

  /** As `get`, without a look at whether there is such an execution: for whoever does one thing to it. */
  execution<Result = unknown>(id: string): ExecutionControls<Result> {
    const { hold, engine, caller } = this.#parts;
    return {
      id,
      result: async () => resultOf(await hold.while(engine.ask('result', { id }, NO_TIMEOUT))) as Result,
      status: () => this.#show(id),
      signal: async (name, payload) => {
        await hold.while(engine.ask('signal', { id, signal: name, payload: caller.encode(payload) }));
      },
      cancel: (reason = 'cancelled by its owner') => hold.while(engine.ask('cancel', { id, reason })),
      pause: () => hold.while(engine.ask('pause', { id })),
      resume: () => hold.while(engine.ask('resume', { id })),
      redrive: () => hold.while(engine.ask('redrive', { id })),
      history: async () => (await hold.while(engine.ask('history', { id }))).map(readable),
    };
  }

  /** Newest first. */
  executions(query: ExecutionQuery = {}): Promise<readonly ExecutionSummary[]> {
    return this.#parts.hold.while(this.#parts.engine.ask('list', query));
  }

  /** Calls back for each event, those of the past first; resolves when the execution has ended, or the signal aborts. */
  async watch(id: string, listener: (event: HistoryEvent) => void, signal?: AbortSignal): Promise<void> {
    const { hold, engine } = this.#parts;
    await hold.while(
      new Promise<void>((resolve, reject) => {
        let stop: (() => void) | undefined;
        let isOver = false;
        const end = () => {
          stop?.();
          signal?.removeEventListener('abort', end);
          resolve();
        };
        const tell = (event: ExecutionEvent) => {
          if (signal?.aborted) return;
          listener(readable(event));
          isOver = isLast(event);
          // In the past of one that was redriven an end is followed by more.
          if (isOver && stop) end();
        };
        signal?.addEventListener('abort', end, { once: true });
        engine.ask('watch', { id, event: tell }).then((watching) => {
          stop = watching.stop;
          if (isOver || signal?.aborted) end();
        }, reject);
      }),
    );
  }

  async #show(id: string): Promise<ExecutionDetails> {
    const { output, known, ...view } = await this.#parts.hold.while(this.#parts.engine.ask('show', { id }));
    const steps = known.map(({ output: _, inputs: __, headers: ___, ...step }) => step);
    return { ...view, known: steps, ...(output !== undefined && { output: shown(output) }) };
  }

  #checkReady(): void {
    if (!this.#parts.isClosing) return;
    throw new TroupeError('SHUTTING_DOWN', 'The host is closing, or closed, and changes nothing any more.');
  }
}

function isLast({ type }: ExecutionEvent): boolean {
  return type === 'executionSucceeded' || type === 'executionFailed' || type === 'executionCancelled';
}

function resultOf(result: ExecutionResult): unknown {
  if (result.kind === 'succeeded') return result.output && decodePayload(result.output);
  if (result.kind === 'failed') throw deserializeError(result.error);
  throw new TroupeError('CANCELLED', `The execution was cancelled: ${result.reason}.`);
}

/** Longer values are told by their size in a history. */
const LONGEST_SHOWN_BYTES = 16_384;

function shown(value: Uint8Array): unknown {
  return value.length > LONGEST_SHOWN_BYTES ? { bytes: value.length } : decodePayload(value);
}

function readable(event: ExecutionEvent): HistoryEvent {
  return Object.fromEntries(
    Object.entries(event).map(([name, value]) => [name, value instanceof Uint8Array ? shown(value) : value]),
  ) as HistoryEvent;
}

async function readSource(source: DeployWorkflowOptions['source']): Promise<{ source: string; file: string }> {
  if (typeof source === 'object' && 'code' in source) return { source: source.code, file: 'workflow.wf.yaml' };
  const path = source instanceof URL ? fileURLToPath(source) : source;
  try {
    return { source: await readFile(path, 'utf8'), file: basename(path) };
  } catch (cause) {
    throw new TroupeError('SOURCE_NOT_FOUND', `There is no workflow to be read at ${path}.`, { cause });
  }
}
