/**
 * One worker of a child agent, as seen from the process that calls it. What it is comes in two pieces that nothing orders: the agent's
 * word, on its pipe, and the worker's own wire. Here they become one story.
 *
 * Invariants (numbers as in README.md):
 * 1. `workerStarted` is told when the agent has said so and the wire is there, `workerStopped` after the last frame of the wire.
 * 2. The channel ends with the reason that the agent says, whichever comes first.
 */

import type { TroupeError } from '../../errors.ts';
import type { CancelTimer, Clock } from '../../kernel/clock.ts';
import type { Channel } from '../../transport/protocol.ts';
import { afterReading } from './after-reading.ts';
import type { AgentCommand } from './agent-message.ts';
import { LateChannel } from './late-channel.ts';
import type { AgentEvent, WorkerKind } from './protocol.ts';
import { endError, startFailed } from './stop-reason.ts';
import type { WireDesk } from './wire-desk.ts';
import { WorkerChannel } from './worker-channel.ts';

/** An instance is connected before it is up. */
const WIRE_TIMEOUT_MS = 10_000;
/** What an instance sent before its end is in the socket when that is told: reading it takes a few turns of the event loop. */
const LAST_FRAMES_MS = 500;

type Started = Extract<AgentEvent, { type: 'workerStarted' }>;
type Stopped = Extract<AgentEvent, { type: 'workerStopped' }>;

export interface RemoteWorkerOptions {
  readonly workerId: string;
  readonly kind: WorkerKind;
  readonly clock: Clock;
  readonly desk: Pick<WireDesk, 'release'> & { claim(wire: number, take: (channel: Channel) => void): void };
  readonly command: (command: AgentCommand) => void;
  readonly emit: (event: Started | Stopped) => void;
  /** The first call has begun while none was inside. */
  readonly busy: () => void;
  /** Its wire has ended, for a reason that is not known yet. */
  readonly wireEnded: () => void;
}

export class RemoteWorker {
  readonly channel: WorkerChannel;
  readonly #options: RemoteWorkerOptions;
  readonly #late = new LateChannel();
  #wire: number | undefined;
  #hasWire = false;
  #isLeaving = false;
  #isWireMissing = false;
  #stopped: Stopped | undefined;
  #cancelTimer: CancelTimer = () => {};

  constructor(options: RemoteWorkerOptions) {
    this.#options = options;
    this.channel = new WorkerChannel(this.#late, {
      busy: options.busy,
      idle: () => this.#leaveWhenIdle(),
      broken: () => this.#broken(),
    });
  }

  get kind(): WorkerKind {
    return this.#options.kind;
  }

  get hasOpenWire(): boolean {
    return this.#hasWire && !this.#late.isClosed;
  }

  /** Within `graceMs` the calls inside may finish; it goes as soon as none is. */
  stop(graceMs: number): void {
    const { workerId, command } = this.#options;
    command({ type: 'stopWorker', workerId, graceMs });
    this.leave();
  }

  /** The agent has been told to stop it. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#leaveWhenIdle();
  }

  /** The agent says that it is up. */
  started(event: Started, wire: number): void {
    const { desk, clock, workerId, command } = this.#options;
    this.#wire = wire;
    this.#cancelTimer = afterReading(clock, WIRE_TIMEOUT_MS, () => {
      this.#isWireMissing = true;
      command({ type: 'stopWorker', workerId, graceMs: 0 });
    });
    desk.claim(wire, (channel) => {
      this.#cancelTimer();
      this.#hasWire = true;
      this.#late.become(channel);
      this.#options.emit(event);
    });
  }

  /** The agent says why it ended. Told on after the last frames of its wire; a stuck thread keeps that open, so the agent's word counts. */
  stopped(event: Stopped): void {
    this.#giveUpWire();
    this.#stopped = this.#isWireMissing ? { ...event, ...startFailed('Its wire did not come.', '') } : event;
    const error = endError(event.workerId, this.#stopped);
    const atOnce = !this.#hasWire || event.reason === 'abandoned';
    this.channel.explain(error, { wasAsked: event.reason === 'requested', atOnce });
    if (atOnce) return this.tellStopped();
    this.#cancelTimer = afterReading(this.#options.clock, LAST_FRAMES_MS, () => this.#late.close(error));
    this.channel.onClose(() => this.tellStopped());
  }

  /** If it has ended and that was not told yet. */
  tellStopped(): void {
    const event = this.#stopped;
    this.#stopped = undefined;
    this.#cancelTimer();
    if (event) this.#options.emit(event);
  }

  /** Its agent is gone. */
  lost(error: TroupeError): void {
    this.#giveUpWire();
    this.channel.explain(error, { wasAsked: false, atOnce: true });
  }

  #giveUpWire(): void {
    this.#cancelTimer();
    if (this.#wire !== undefined) this.#options.desk.release(this.#wire);
  }

  #leaveWhenIdle(): void {
    if (!this.#isLeaving || (this.channel.inFlight > 0 && !this.channel.isClosed)) return;
    const { workerId, command } = this.#options;
    this.channel.close();
    command({ type: 'letGo', workerId });
  }

  #broken(): void {
    const { workerId, command, wireEnded } = this.#options;
    command({ type: 'wireBroken', workerId });
    wireEnded();
  }
}
