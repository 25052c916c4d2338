/**
 * Starts, stops and watches the workers of one agent; both agents are built around it. It knows workers, not functions.
 *
 * It ticks only while something runs: a heartbeat each `HEARTBEAT_MS` while there are workers, and a look at the memory each 50 ms while
 * calls are inside and for one second after. It learns that work came in from the channels that it hands out, which see every call pass,
 * or, where calls come from elsewhere, is told (`callsInside`); so an idle agent does not poll. With ten idle workers a second costs one
 * heartbeat, about 0.3 ms.
 *
 * Invariants (numbers as in README.md):
 * 1. A worker's events are `workerStarted` at most once, then `workerStopped` exactly once.
 * 3. Nothing that it starts keeps the process alive, and nothing outlives `killAll`, but for abandoned threads.
 */
import { performance } from 'node:perf_hooks';
import { serializeError, TroupeError } from '../../errors.ts';
import type { CancelTimer, Clock } from '../../kernel/clock.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { WireAddress } from '../../transport/wire.ts';
import { CodeMemory } from './code-memory.ts';
import type { EntryPoints } from './entry-points.ts';
import { judgeProcess, ThreadMemoryPolicy } from './memory-policy.ts';
import { PeerLinks } from './peer-links.ts';
import { processMemoryMb } from './proc-files.ts';
import { ProcessBody } from './process-body.ts';
import { type AgentEvent, type AgentSample, HEARTBEAT_MS, type WorkerSample, type WorkerSpec } from './protocol.ts';
import { CpuMeter } from './sampling.ts';
import type { SpareLimits } from './spare-policy.ts';
import { SparePool } from './spare-pool.ts';
import { outOfMemory, startFailed, type WorkerEnd } from './stop-reason.ts';
import { SupervisedWorker } from './supervised-worker.ts';
import { ThreadBody } from './thread-body.ts';
import type { BodyEvents } from './worker-body.ts';

const MIB = 1_048_576;
const SPARE_GROUP = 'spare';
const WATCH_MS = 50;
/** What a call leaves running may allocate on after its answer. */
const WATCH_TAIL_MS = 1_000;
/** Parts of a core. While the whole process uses less, its threads count as idle and are not looked at one by one. */
const QUIET_CPU = 0.01;
/** The agent itself, and garbage outside of the heaps that V8 has not collected yet. */
const OWN_BASE_MB = 128;
/** Loading the runtime takes 20 ms for a thread, 80 ms for a process; a machine under heavy load takes a hundred times that. */
const START_TIMEOUT_MS = 15_000;

export interface WorkerSupervisorOptions {
  readonly emit: (event: AgentEvent) => void;
  readonly entryPoints: EntryPoints;
  readonly clock?: Clock;
  readonly startTimeoutMs?: number;
  /** What the workers may hold together. When the threads hold more, and no single one is to blame, the agent is impaired. */
  readonly memoryBudgetMb?: number;
  /** Absent: none are kept. */
  readonly spares?: SpareLimits;
  /** Whether workers and their callers may spin while they wait for each other. True unless told otherwise. */
  readonly spin?: boolean;
  /** Where the calls of workers come from, when that is another process; asked once for each worker. */
  readonly nextWire?: () => WireAddress | undefined;
  /** Told of each process group that belongs to a worker, so that another process can end it should this one be killed. */
  readonly group?: (pid: number, alive: boolean) => void;
}

export class WorkerSupervisor {
  readonly #options: WorkerSupervisorOptions;
  readonly #clock: Clock;
  readonly #workers = new Map<string, SupervisedWorker>();
  readonly #spares: SparePool;
  /** Between threads of this agent. */
  readonly links = new PeerLinks();
  readonly #code = new CodeMemory();
  readonly #policy = new ThreadMemoryPolicy();
  readonly #ownCpu = new CpuMeter();
  #lastUtilization = performance.eventLoopUtilization();
  #heartbeat: CancelTimer | undefined;
  #watch: CancelTimer | undefined;
  #lastBusyMs = 0;
  #isOverBudget = false;
  #whenEmpty: (() => void)[] = [];

  constructor(options: WorkerSupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    let spares = 0;
    this.#spares = new SparePool({
      ...(options.spares ?? { maxSpares: 0, memoryMb: 0 }),
      clock: this.#clock,
      make: (spareClass) =>
        this.#makeWorker(`spare-${++spares}`, {
          ...spareClass,
          group: SPARE_GROUP,
          cpuShares: 0,
          priority: 'background',
        }),
      isStarting: () => [...this.#workers.values()].some(({ isComingUp }) => isComingUp),
    });
  }

  /** Threads and processes that are there, spares included. */
  get size(): number {
    return this.#workers.size + this.#spares.size;
  }

  /** Throws `CONFLICT` when a worker of that id is there already. */
  start(workerId: string, spec: WorkerSpec): void {
    if (this.#workers.has(workerId)) throw new TroupeError('CONFLICT', `The agent has a worker ${workerId} already.`);
    const spare = this.#spares.take(spec);
    spare?.assign(workerId, spec);
    try {
      this.#workers.set(workerId, spare ?? this.#makeWorker(workerId, spec));
    } catch (error) {
      this.#spares.drop();
      const end = startFailed(`It could not be started: ${serializeError(error).message}`, '');
      // As an event of its own turn: the caller does not expect one from inside its call.
      this.#clock.after(0, () => this.#options.emit({ type: 'workerStopped', workerId, ...end }));
      return;
    }
    this.#armHeartbeat();
  }

  /** One like this may be started in a moment. */
  expect(expected: Pick<WorkerSpec, 'kind' | 'memoryMb'>): void {
    this.#spares.next(expected)?.body.rouse?.();
  }

  get(workerId: string): SupervisedWorker | undefined {
    return this.#workers.get(workerId);
  }

  /** Resolves with whether both workers have their end of the link. */
  link(id: number, callerId: string, calleeId: string): Promise<boolean> {
    return this.links.make(id, this.get(callerId), this.get(calleeId));
  }

  /** By who sends the calls, at least twice a second while it does: those workers have calls inside, and no others. */
  callsInside(workerIds: readonly string[]): void {
    const inside = new Set(workerIds);
    for (const [workerId, worker] of this.#workers) worker.noteCalls(inside.has(workerId));
    this.#lastBusyMs = this.#clock.nowMs();
    this.#wake();
  }

  stop(workerId: string, graceMs: number): void {
    this.#workers.get(workerId)?.stop(graceMs);
  }

  /** Resolves when every worker has ended or was abandoned. */
  async stopAll(graceMs: number): Promise<void> {
    this.#spares.close();
    for (const worker of this.#workers.values()) worker.stop(graceMs);
    if (this.size === 0) return;
    await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** For a process that is about to end: what would outlive it is ended now. */
  killAll(): void {
    for (const { body } of [...this.#workers.values(), ...this.#spares.all]) body.kill();
  }

  /** The numbers since the last sample. */
  sample(): AgentSample {
    const nowMs = this.#clock.nowMs();
    const utilization = performance.eventLoopUtilization();
    const cpu = process.cpuUsage();
    const ownCpu = this.#ownCpu.rate((cpu.user + cpu.system) / 1_000, nowMs) ?? 1;
    const sample: AgentSample = {
      residentMb: processMemoryMb('self') ?? process.memoryUsage.rss() / MIB,
      cpu: ownCpu,
      eventLoopUtilization: performance.eventLoopUtilization(utilization, this.#lastUtilization).utilization,
      workers: [...this.#workers.values()].map((worker) => sampleWorker(worker, nowMs, ownCpu < QUIET_CPU)),
    };
    this.#lastUtilization = utilization;
    return sample;
  }

  #makeWorker(workerId: string, spec: WorkerSpec): SupervisedWorker {
    const { entryPoints, startTimeoutMs = START_TIMEOUT_MS, spin = true, group = () => {} } = this.#options;
    const { kind, memoryMb } = spec;
    const wire = this.#options.nextWire?.();
    const makeBody = (events: BodyEvents) => {
      const isSpare = spec.group === SPARE_GROUP;
      const common = { entry: entryPoints[kind], memoryMb, events, spin, isSpare, wire };
      const clock = this.#clock;
      return kind === 'thread'
        ? new ThreadBody({ ...common, clock, code: this.#code })
        : new ProcessBody({ ...common, clock });
    };
    return new SupervisedWorker({
      workerId,
      spec,
      wire: wire?.wire,
      clock: this.#clock,
      startTimeoutMs,
      makeBody,
      started: (worker, startMs) => this.#started(worker, startMs),
      ended: (worker, end) => this.#ended(worker, end),
      busy: () => this.#wake(),
      group,
    });
  }

  #started(worker: SupervisedWorker, startMs: number): void {
    const { workerId } = worker;
    if (this.#workers.get(workerId) === worker) this.#options.emit({ type: 'workerStarted', workerId, startMs });
    else this.#spares.started();
  }

  #ended(worker: SupervisedWorker, end: WorkerEnd): void {
    this.links.workerEnded(worker);
    if (!this.#spares.ended(worker)) this.#workerEnded(worker.workerId, end);
    if (this.#workers.size === 0) {
      this.#heartbeat?.();
      this.#heartbeat = undefined;
    }
    if (this.size > 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  #workerEnded(workerId: string, end: WorkerEnd): void {
    this.#workers.delete(workerId);
    this.#options.emit({ type: 'workerStopped', workerId, ...end });
    if (end.reason !== 'abandoned') return;
    this.#options.emit({ type: 'agentImpaired', reason: `Worker ${workerId} is stuck and was abandoned.` });
  }

  #armHeartbeat(): void {
    this.#heartbeat ??= this.#clock.after(HEARTBEAT_MS, () => {
      this.#heartbeat = undefined;
      this.#options.emit({ type: 'heartbeat', sample: this.sample() });
      if (!this.#watch) this.#judgeProcesses();
      if (this.#workers.size > 0) this.#armHeartbeat();
    });
  }

  /** On the way of every first call: it only arms a timer, and the first look is taken after the call has left. */
  #wake(): void {
    if (this.#watch) return;
    this.#watch = this.#clock.after(0, () => {
      this.#lastBusyMs = this.#clock.nowMs();
      this.#judge(false);
      this.#armWatch();
    });
  }

  #armWatch(): void {
    this.#watch = this.#clock.after(WATCH_MS, () => {
      const nowMs = this.#clock.nowMs();
      this.#judge(true);
      if ([...this.#workers.values()].some(({ isBusy }) => isBusy)) this.#lastBusyMs = nowMs;
      if (nowMs - this.#lastBusyMs < WATCH_TAIL_MS) this.#armWatch();
      else this.#watch = undefined;
    });
  }

  /** `hasBefore`: there is an earlier reading to measure growth against. */
  #judge(hasBefore: boolean): void {
    // Spares too: memory that one of them takes is not the doing of a thread that is silent meanwhile.
    const threads = [...this.#workers.values(), ...this.#spares.all].filter(({ spec }) => spec.kind === 'thread');
    const residentMb = processMemoryMb('self');
    const own = process.memoryUsage();
    const verdicts = this.#policy.judge({
      residentMb,
      ownMb: (own.heapTotal + own.external) / MIB,
      threads: threads.map((worker) => threadReading(worker, hasBefore)),
      nowMs: this.#clock.nowMs(),
    });
    for (const { workerId, why } of verdicts) this.#workers.get(workerId)?.condemn(outOfMemory(why, {}));
    this.#judgeProcesses();
    this.#guardOwnMemory(residentMb, verdicts.length > 0);
  }

  #judgeProcesses(): void {
    for (const worker of this.#workers.values()) {
      const { spec, body } = worker;
      if (spec.kind !== 'process') continue;
      const usedMb = body.memoryMb();
      const why = usedMb === undefined ? undefined : judgeProcess(usedMb, spec.memoryMb);
      if (why) worker.condemn(outOfMemory(why, { stderr: body.stderr }));
    }
  }

  #guardOwnMemory(residentMb: number | undefined, hasCulprit: boolean): void {
    const { memoryBudgetMb, emit } = this.#options;
    if (memoryBudgetMb === undefined || residentMb === undefined || hasCulprit) return;
    const isOver = residentMb > memoryBudgetMb + OWN_BASE_MB;
    if (isOver) this.#spares.drop();
    if (isOver && !this.#isOverBudget) {
      emit({
        type: 'agentImpaired',
        reason: `The agent holds ${Math.round(residentMb)} MiB, its budget is ${memoryBudgetMb} MiB, and no single worker is over its limit.`,
      });
    }
    this.#isOverBudget = isOver;
  }
}

function threadReading({ workerId, spec, isBusy, body }: SupervisedWorker, hasBefore: boolean) {
  const gauges = body.gauges();
  const report = gauges && { beat: gauges.beat, usedMb: gauges.heapUsedMb + gauges.externalMb };
  // What comes from other threads does not pass the agent.
  const isInUse = isBusy || (gauges?.inFlight ?? 0) > 0;
  return { workerId, memoryMb: spec.memoryMb, isBusy: isInUse && hasBefore, report };
}

function sampleWorker({ workerId, spec, body, cpu }: SupervisedWorker, nowMs: number, isQuiet: boolean): WorkerSample {
  const gauges = body.gauges();
  const residentMb = body.memoryMb();
  const cpuRate = isQuiet && spec.kind === 'thread' ? 0 : cpu.rate(body.cpuMs(), nowMs);
  return {
    workerId,
    ...(residentMb === undefined ? {} : { residentMb }),
    ...(cpuRate === undefined ? {} : { cpu: cpuRate }),
    ...(gauges && {
      heapUsedMb: gauges.heapUsedMb,
      externalMb: gauges.externalMb,
      eventLoopUtilization: gauges.eventLoopUtilization,
    }),
  };
}
