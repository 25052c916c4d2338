/**
 * The life of one worker: starting -> running -> stopping -> ended, or ended from anywhere.
 *
 * Invariants (numbers as in README.md):
 * 1. `started` is told at most once and before the end; `ended` is told exactly once, with one reason.
 * 2. Whatever waits for the worker settles when it ends: its channel closes with a reason, its control port answers.
 */
import { type SerializedError, serializeError, TroupeError } from '../../errors.ts';
import type { CancelTimer, Clock } from '../../kernel/clock.ts';
import type { InstanceControl, InstanceImage, SpecialiseOutcome } from '../../transport/instance-control.ts';
import type { WorkerSpec } from './protocol.ts';
import { CpuMeter } from './sampling.ts';
import { endError, endedAtStart, startFailed, type WorkerEnd, withoutStack } from './stop-reason.ts';
import type { BodyEvents, WorkerBody } from './worker-body.ts';
import { WorkerChannel } from './worker-channel.ts';

/** A worker that was killed and is not gone after this time is stuck in the operating system, or in `execSync`. */
const KILL_TIMEOUT_MS = 1_000;
/** After its channel broke, a worker that is on its way out says why; one that is not is ended. */
const BROKEN_TIMEOUT_MS = 500;

export interface SupervisedWorkerOptions {
  readonly workerId: string;
  readonly spec: WorkerSpec;
  /** Its number, where it has a wire of its own for its calls. */
  readonly wire: number | undefined;
  readonly clock: Clock;
  readonly startTimeoutMs: number;
  readonly makeBody: (events: BodyEvents) => WorkerBody;
  readonly started: (worker: SupervisedWorker, startMs: number) => void;
  readonly ended: (worker: SupervisedWorker, end: WorkerEnd) => void;
  /** Work has come in: calls, or a function to load. */
  readonly busy: () => void;
  readonly group: (pid: number, alive: boolean) => void;
}

export class SupervisedWorker {
  /** Absent where its calls do not come by way of this agent. */
  readonly channel: WorkerChannel | undefined;
  readonly control: InstanceControl;
  readonly body: WorkerBody;
  readonly cpu = new CpuMeter();
  readonly #options: SupervisedWorkerOptions;
  #workerId: string;
  #spec: WorkerSpec;
  #startedAtMs: number;
  #cancelStartTimeout: CancelTimer = () => {};
  readonly #timers = new Set<CancelTimer>();
  readonly #whenEnded: Promise<WorkerEnd>;
  #tellEnded: (end: WorkerEnd) => void = () => {};
  #state: 'starting' | 'running' | 'ended' = 'starting';
  /** Decided before the end came: what was asked for or found out outranks how it looked in the end. */
  #verdict: WorkerEnd | undefined;
  #isLeaving = false;
  #killed = false;
  #specialising = false;
  /** Where calls come from elsewhere: none will any more. */
  #isLetGo = false;
  /** Its beat when calls were said to be inside. */
  #beatWithCalls: number | undefined;

  constructor(options: SupervisedWorkerOptions) {
    this.#options = options;
    this.#workerId = options.workerId;
    this.#spec = options.spec;
    this.#startedAtMs = options.clock.nowMs();
    this.#whenEnded = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    this.body = options.makeBody({
      up: () => this.#up(),
      ended: (end) => this.#end(end),
      group: options.group,
    });
    const { calls } = this.body;
    this.channel =
      calls &&
      new WorkerChannel(calls, {
        busy: options.busy,
        idle: () => this.#leaveWhenIdle(),
        broken: () => this.broken(),
      });
    this.control = { specialise: (image) => this.#specialise(image) };
    this.#armStartTimeout();
  }

  get workerId(): string {
    return this.#workerId;
  }

  get spec(): WorkerSpec {
    return this.#spec;
  }

  get wire(): number | undefined {
    return this.#options.wire;
  }

  get isUp(): boolean {
    return this.#state === 'running';
  }

  /** It is starting, or loads its function. */
  get isComingUp(): boolean {
    return this.#state === 'starting' || this.#specialising;
  }

  /** It was told to end. */
  get isDoomed(): boolean {
    return this.#verdict !== undefined;
  }

  get isBusy(): boolean {
    return this.#specialising || (this.channel ? this.channel.inFlight > 0 : this.#hasCallsFromElsewhere());
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** A spare becomes this worker. `started` follows, in a turn of its own or when it is up. */
  assign(workerId: string, spec: WorkerSpec): void {
    this.body.rouse?.();
    this.#workerId = workerId;
    this.#spec = spec;
    this.#startedAtMs = this.#options.clock.nowMs();
    if (this.isUp) queueMicrotask(() => this.#tellStarted());
    else this.#armStartTimeout();
  }

  /** Within `graceMs` the calls inside may finish, and then the instance ends by itself, as its wires close. */
  stop(graceMs: number): void {
    if (this.isEnded) return;
    this.#verdict ??= { reason: 'requested' };
    if (graceMs <= 0) return this.#kill();
    this.#after(graceMs, () => this.#kill());
    this.#isLeaving = true;
    this.#leaveWhenIdle();
  }

  /** Told by who sends its calls: none is inside, and none will be. It goes if it was told to stop. */
  letGo(): void {
    this.#isLetGo = true;
    this.#leaveWhenIdle();
  }

  /** Told by who sends its calls. An instance that has shown itself since knows better. */
  noteCalls(areInside: boolean): void {
    this.#beatWithCalls = areInside ? this.#beat() : undefined;
  }

  /** Ends it at once, for this reason. */
  condemn(end: WorkerEnd): void {
    if (this.isEnded) return;
    this.#verdict ??= end;
    this.#kill();
  }

  #up(): void {
    if (this.#state !== 'starting' || this.#verdict) return;
    this.#state = 'running';
    this.#cancelStartTimeout();
    this.#tellStarted();
  }

  #tellStarted(): void {
    if (this.isEnded || this.#verdict) return;
    this.#options.started(this, this.#options.clock.nowMs() - this.#startedAtMs);
  }

  #armStartTimeout(): void {
    const { startTimeoutMs } = this.#options;
    this.#cancelStartTimeout();
    this.#cancelStartTimeout = this.#after(startTimeoutMs, () => {
      if (this.#state !== 'starting') return;
      this.condemn(startFailed(`It was not up after ${startTimeoutMs} ms.`, this.body.stderr));
    });
  }

  #leaveWhenIdle(): void {
    if (!this.#isLeaving || this.isEnded || this.#specialising) return;
    if (this.channel ? this.channel.inFlight > 0 : !this.#isLetGo) return;
    this.channel?.close();
    this.body.leave();
  }

  #kill(): void {
    if (this.#killed || this.isEnded) return;
    this.#killed = true;
    this.body.kill();
    this.#after(KILL_TIMEOUT_MS, () => {
      const error = new TroupeError(
        'INSTANCE_CRASHED',
        `Instance ${this.workerId} did not end within ${KILL_TIMEOUT_MS} ms: it is where nothing can interrupt it, most likely in a synchronous child process.`,
      );
      this.#abandon(withoutStack(error));
    });
  }

  #end(end: WorkerEnd): void {
    if (this.#verdict) this.#finish(this.#verdict);
    else this.#finish(this.#state === 'starting' ? endedAtStart(end) : end);
  }

  /** The calls inside are told why it had to go, if there was a reason; the owner is told that it has not. */
  #abandon(error: SerializedError): void {
    const end: WorkerEnd = { reason: 'abandoned', error };
    const cause = !this.#verdict || this.#verdict.reason === 'requested' ? end : this.#verdict;
    this.#finish(end, endError(this.workerId, cause));
  }

  #finish(end: WorkerEnd, abandonedBecause?: TroupeError): void {
    if (this.isEnded) return;
    this.#state = 'ended';
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.body.dispose();
    this.channel?.explain(abandonedBecause ?? endError(this.workerId, end), {
      wasAsked: end.reason === 'requested',
      atOnce: abandonedBecause !== undefined,
    });
    this.#tellEnded(end);
    this.#options.ended(this, end);
  }

  /** Its channel is gone without a reason: it says one in a moment, or is ended. */
  broken(): void {
    this.#after(BROKEN_TIMEOUT_MS, () => {
      const error = new TroupeError(
        'CHANNEL_CLOSED',
        'The instance closed its channel, or wrote what is no frame on it.',
      );
      this.condemn({ reason: 'crashed', error: withoutStack(error) });
    });
  }

  #hasCallsFromElsewhere(): boolean {
    return (this.body.gauges()?.inFlight ?? 0) > 0 || this.#beatWithCalls === this.#beat();
  }

  #beat(): number {
    return this.body.gauges()?.beat ?? 0;
  }

  async #specialise(image: InstanceImage): Promise<SpecialiseOutcome> {
    this.#specialising = true;
    this.#options.busy();
    try {
      return await Promise.race([
        this.body.control.specialise(image),
        this.#whenEnded.then((end) => failedOutcome(this.#loadError(end))),
      ]);
    } catch (error) {
      return failedOutcome(error);
    } finally {
      this.#specialising = false;
      this.#leaveWhenIdle();
    }
  }

  /** A stop is an error to whoever waits for a load, as a crash is. */
  #loadError(end: WorkerEnd): TroupeError {
    const error = endError(this.workerId, end);
    return end.reason === 'requested' ? new TroupeError('INSTANCE_CRASHED', error.message) : error;
  }

  #after(delayMs: number, callback: () => void): CancelTimer {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      if (!this.isEnded) callback();
    });
    this.#timers.add(cancel);
    return cancel;
  }
}

/** What is said of a worker that has not answered, and will not. */
export function failedOutcome(error: unknown): SpecialiseOutcome {
  return { kind: 'failed', error: serializeError(error), isLost: true };
}
