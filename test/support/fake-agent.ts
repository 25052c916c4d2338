/**
 * A node agent without workers, on any clock. It answers as the real one must; a test decides how long things take and what goes wrong.
 */
import { type SerializedError, serializeError, TroupeError } from '../../src/errors.ts';
import type { CancelTimer, Clock } from '../../src/kernel/clock.ts';
import {
  type AgentEvent,
  type AgentLink,
  HEARTBEAT_MS,
  type WorkerSpec,
  type WorkerStopReason,
} from '../../src/resource-orchestration/node-agent/protocol.ts';
import type { InstanceControl } from '../../src/transport/instance-control.ts';
import type { Channel } from '../../src/transport/protocol.ts';

export interface FakeAgentBehaviour {
  /** Until `agentReady`; the default is 1. */
  readonly readyMs?: number;
  /** Until `workerStarted`, by spec; the default is 20. */
  readonly startMs?: (spec: WorkerSpec) => number;
  /** How long a stop takes; the default is 5. */
  readonly stopMs?: number;
  /** Specs for which it is true end with `start-failed` instead of starting. */
  readonly failsAtStart?: (spec: WorkerSpec) => boolean;
  readonly kind?: AgentLink['kind'];
  /** Called in each `startWorker`; what it throws, `startWorker` throws. */
  readonly onStart?: (agent: FakeAgent) => void;
}

interface FakeWorker {
  readonly spec: WorkerSpec;
  isStarted: boolean;
  isStopping: boolean;
}

export class FakeAgent implements AgentLink {
  readonly agentId: string;
  readonly kind: AgentLink['kind'];
  /** Every spec that was ever started here. */
  readonly started: { readonly workerId: string; readonly spec: WorkerSpec; readonly atMs: number }[] = [];
  readonly workers = new Map<string, FakeWorker>();
  isGone = false;
  /** Sends nothing any more, as a process that hangs. */
  isSilent = false;
  wasKilled = false;
  readonly #clock: Clock;
  readonly #behaviour: FakeAgentBehaviour;
  #listener: ((event: AgentEvent) => void) | undefined;
  #early: AgentEvent[] = [];
  #cancelHeartbeat: CancelTimer = () => {};

  constructor(agentId: string, clock: Clock, behaviour: FakeAgentBehaviour = {}) {
    this.agentId = agentId;
    this.kind = behaviour.kind ?? 'process';
    this.#clock = clock;
    this.#behaviour = behaviour;
    clock.after(behaviour.readyMs ?? 1, () => this.#emit({ type: 'agentReady', pid: 4242 }));
    this.#beat();
  }

  /** What its workers are charged, started or not. */
  get usedMb(): number {
    return [...this.workers.values()].reduce((sum, { spec }) => sum + spec.memoryMb, 0);
  }

  onEvent(listener: (event: AgentEvent) => void): void {
    this.#listener = listener;
    for (const event of this.#early.splice(0)) listener(event);
  }

  startWorker(workerId: string, spec: WorkerSpec): void {
    if (this.isGone) return;
    this.started.push({ workerId, spec, atMs: this.#clock.nowMs() });
    const worker: FakeWorker = { spec, isStarted: false, isStopping: false };
    this.workers.set(workerId, worker);
    this.#behaviour.onStart?.(this);
    const startMs = this.#behaviour.startMs?.(spec) ?? 20;
    this.#clock.after(startMs, () => {
      if (this.workers.get(workerId) !== worker || worker.isStopping) return;
      if (this.#behaviour.failsAtStart?.(spec)) return this.crash(workerId, 'start-failed');
      worker.isStarted = true;
      this.#emit({ type: 'workerStarted', workerId, startMs });
    });
  }

  stopWorker(workerId: string, _graceMs: number): void {
    const worker = this.workers.get(workerId);
    if (!worker || worker.isStopping) return;
    worker.isStopping = true;
    this.#clock.after(this.#behaviour.stopMs ?? 5, () => this.crash(workerId, 'requested'));
  }

  channel(): Channel {
    return fakeChannel();
  }

  control(): InstanceControl {
    return {
      specialise: async () => ({ kind: 'ready', manifest: { shape: 'value', config: {} }, tookMs: 1 }),
    };
  }

  async shutdown(): Promise<void> {
    this.#end();
  }

  kill(): void {
    this.wasKilled = true;
    this.die('it was killed');
  }

  /** Ends one worker for a reason. An abandoned one stays in memory. */
  crash(workerId: string, reason: WorkerStopReason = 'crashed', error?: SerializedError): void {
    if (!this.workers.has(workerId)) return;
    if (reason !== 'abandoned') this.workers.delete(workerId);
    this.#emit({ type: 'workerStopped', workerId, reason, error: error ?? { name: 'Error', message: reason } });
  }

  die(why = 'it died'): void {
    if (this.isGone) return;
    const error = serializeError(new TroupeError('AGENT_LOST', why));
    this.#end();
    this.#listener?.({ type: 'agentLost', error });
  }

  impair(reason = 'it holds an abandoned thread'): void {
    this.#emit({ type: 'agentImpaired', reason });
  }

  #end(): void {
    this.isGone = true;
    this.#cancelHeartbeat();
    this.workers.clear();
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#clock.after(HEARTBEAT_MS, () => {
      const workers = [...this.workers.keys()].map((workerId) => ({ workerId, heapUsedMb: 10, cpu: 0.1 }));
      const sample = { residentMb: 50, cpu: workers.length / 10, eventLoopUtilization: 0.1, workers };
      if (workers.length > 0) this.#emit({ type: 'heartbeat', sample });
      this.#beat();
    });
  }

  #emit(event: AgentEvent): void {
    if (this.isGone || this.isSilent) return;
    if (this.#listener) this.#listener(event);
    else this.#early.push(event);
  }
}

function fakeChannel(): Channel {
  let isClosed = false;
  return {
    send: () => (isClosed ? 'closed' : 'sent'),
    onFrame: () => {},
    onClose: () => {},
    onWritable: () => {},
    close: () => {
      isClosed = true;
    },
    get isClosed() {
      return isClosed;
    },
    ref: () => {},
    unref: () => {},
  };
}
