/** Drives one agent as the resource manager and the router would, and remembers every event. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deserializeError, type TroupeError } from '../../../src/errors.ts';
import type { AgentEvent, AgentLink, WorkerSpec } from '../../../src/resource-orchestration/node-agent/protocol.ts';
import { decodeMeta, decodePayload, encodeMeta, encodePayload } from '../../../src/transport/codec.ts';
import type { InstanceImage, SpecialiseOutcome } from '../../../src/transport/instance-control.ts';
import { type CallMeta, type Channel, FRAME_KINDS, type Frame } from '../../../src/transport/protocol.ts';
import { until } from '../../support/until.ts';

export type EventOf<T extends AgentEvent['type']> = Extract<AgentEvent, { type: T }>;

export type Answer =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'failure'; readonly error: Error }
  | { readonly kind: 'closed'; readonly error: TroupeError | undefined };

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const MISBEHAVE = fixture('misbehave.cjs');
export const DOES_NOT_LOAD = fixture('does-not-load.cjs');
export const LOADS_FOR_EVER = fixture('loads-for-ever.cjs');
export const ENDS_AT_START = fixture('ends-at-start.mjs');

export function spec(kind: WorkerSpec['kind'], overrides: Partial<WorkerSpec> = {}): WorkerSpec {
  return { group: 'misbehave@1', kind, memoryMb: 64, cpuShares: 1, priority: 'normal', ...overrides };
}

export function image(entry: string = MISBEHAVE): InstanceImage {
  return {
    functionName: 'misbehave',
    functionVersion: 1,
    format: 'script',
    entry,
    env: {},
    memoryMb: 64,
    payloadLimitBytes: 1_048_576,
  };
}

export class AgentHarness {
  readonly events: AgentEvent[] = [];
  readonly link: AgentLink;
  #calls = 0;
  readonly #channels = new Map<string, { channel: Channel; waiting: Map<number, (answer: Answer) => void> }>();

  constructor(link: AgentLink) {
    this.link = link;
    link.onEvent((event) => this.events.push(event));
  }

  async event<T extends AgentEvent['type']>(
    type: T,
    matches: (event: EventOf<T>) => boolean = () => true,
  ): Promise<EventOf<T>> {
    const found = () =>
      this.events.find((event): event is EventOf<T> => event.type === type && matches(event as EventOf<T>));
    return until(found, { timeoutMs: 20_000, what: `the event ${type}` });
  }

  stopped(workerId: string): Promise<EventOf<'workerStopped'>> {
    return this.event('workerStopped', (event) => event.workerId === workerId);
  }

  async start(workerId: string, workerSpec: WorkerSpec): Promise<void> {
    this.link.startWorker(workerId, workerSpec);
    await this.event('workerStarted', (event) => event.workerId === workerId);
  }

  specialise(workerId: string, entry?: string): Promise<SpecialiseOutcome> {
    return this.link.control(workerId).specialise(image(entry));
  }

  /** Starts a worker that can be told to misbehave. */
  async startReady(workerId: string, workerSpec: WorkerSpec): Promise<void> {
    await this.start(workerId, workerSpec);
    const outcome = await this.specialise(workerId);
    if (outcome.kind === 'failed') throw deserializeError(outcome.error);
  }

  /** Always resolves, also when the channel closes. */
  call(workerId: string, deed: string, input: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    const { channel, waiting } = this.#open(workerId);
    const call = ++this.#calls;
    const meta: CallMeta = { id: `i${call}`, mode: 'value', attempt: 1, depth: 0 };
    return new Promise((resolve) => {
      waiting.set(call, resolve);
      const outcome = channel.send({
        kind: FRAME_KINDS.invoke,
        port: 0,
        call,
        argument: 60_000,
        meta: encodeMeta(meta),
        payload: encodePayload({ deed, ...input }),
      });
      if (outcome !== 'sent') resolve({ kind: 'closed', error: undefined });
    });
  }

  async value(workerId: string, deed: string, input: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = await this.call(workerId, deed, input);
    if (answer.kind === 'value') return answer.value;
    throw answer.error ?? new Error('the channel closed');
  }

  #open(workerId: string) {
    const open = this.#channels.get(workerId);
    if (open) return open;
    const channel = this.link.channel(workerId);
    const waiting = new Map<number, (answer: Answer) => void>();
    channel.onFrame((frame) => {
      const answer = readAnswer(frame);
      if (answer) waiting.get(frame.call)?.(answer);
    });
    channel.onClose((error) => {
      for (const settle of waiting.values()) settle({ kind: 'closed', error });
    });
    const opened = { channel, waiting };
    this.#channels.set(workerId, opened);
    return opened;
  }
}

function readAnswer(frame: Frame): Answer | undefined {
  if (frame.kind === FRAME_KINDS.result) return { kind: 'value', value: decodePayload(frame.payload) };
  if (frame.kind === FRAME_KINDS.failure) return { kind: 'failure', error: deserializeError(decodeMeta(frame.meta)) };
  return undefined;
}

/** A zombie has ended: somebody only has not asked for its exit code yet. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

/** Processes that a process has started, from any of its threads. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').map(Number).filter(Boolean),
  );
}
