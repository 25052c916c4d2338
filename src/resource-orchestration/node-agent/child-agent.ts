/**
 * The near end of a node agent in a child process. It starts the process, speaks with it over one pipe, and notices when it is gone: by
 * its exit, by the end of the pipe, or by its silence.
 *
 * Invariants (numbers as in README.md):
 * 2. When the agent is lost, every channel closes with `AGENT_LOST` and every control port answers.
 * 4. Process groups that the agent has started are killed when it is gone, whatever took it.
 * 5. `agentLost` is told at most once, last of all, and not after a shutdown.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { processEnvironment } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import { type CancelTimer, type Clock, systemClock } from '../../kernel/clock.ts';
import { holdProcess } from '../../kernel/process-hold.ts';
import { decodeMeta } from '../../transport/codec.ts';
import type { InstanceImage, SpecialiseOutcome, WorkerControl } from '../../transport/instance-control.ts';
import type { PeerLink } from '../../transport/peer-protocol.ts';
import { type Channel, FRAME_KINDS, type Frame } from '../../transport/protocol.ts';
import { StreamChannel } from '../../transport/stream-channel.ts';
import type { AgentCommand, AgentProcessOptions, AgentReport } from './agent-message.ts';
import { ControlSender } from './control-sender.ts';
import { endedChannel, endedControl } from './ended-worker.ts';
import { findEntryPoints } from './entry-points.ts';
import { EventOutlet } from './event-outlet.ts';
import { killGroup } from './kill-group.ts';
import { OutputTail } from './output-tail.ts';
import { type AgentEvent, type AgentLink, HEARTBEAT_MS, type WorkerSpec } from './protocol.ts';
import { RemoteWorker } from './remote-worker.ts';
import { agentLostError, withoutStack } from './stop-reason.ts';
import { failedOutcome } from './supervised-worker.ts';
import { QUIET } from './thread-body.ts';
import { WireDesk } from './wire-desk.ts';
import { WorkNotice } from './work-notice.ts';

/** Heartbeats missed in a row before an agent counts as stuck. Counted, not timed: while this process itself stands still none is missed. */
const MAX_MISSED = 5;
/** Node starts in 40 to 80 ms; a machine under heavy load takes a hundred times that. */
const AGENT_START_TIMEOUT_MS = 15_000;
/** Between the end of the pipe and the exit, or the exit and the last of its output. */
const END_TIMEOUT_MS = 100;
/** Beyond the grace of the workers, each of which may take a second to be found stuck. */
const SHUTDOWN_SLACK_MS = 2_000;

/** Answers what nobody answers any more. */
const GONE: AgentReport = { type: 'stopped' };

export interface ChildAgentOptions extends AgentProcessOptions {
  readonly agentId: string;
  readonly clock?: Clock;
  /** The compiled `agent-process.js`. */
  readonly entry?: string;
}

/** Throws `AGENT_LOST` when the operating system starts no process; every later failure is an event. */
export function createChildAgent(options: ChildAgentOptions): AgentLink {
  return new ChildAgent(options);
}

class ChildAgent implements AgentLink {
  readonly agentId: string;
  readonly kind = 'process';
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  readonly #pid: number;
  readonly #link: StreamChannel;
  readonly #desk: WireDesk;
  readonly #commands: ControlSender<AgentCommand>;
  readonly #stderr: OutputTail;
  readonly #events = new EventOutlet();
  readonly #workers = new Map<string, RemoteWorker>();
  readonly #work: WorkNotice;
  /** Settle what waits for the answer to a command. */
  readonly #asked = new Map<number, (answer: AgentReport) => void>();
  readonly #groups = new Set<number>();
  readonly #whenGone: Promise<void>;
  #tellGone: () => void = () => {};
  #state: 'starting' | 'running' | 'stopping' | 'gone' = 'starting';
  #why: string | undefined;
  #lastCall = 0;
  #watch: CancelTimer | undefined;
  #missed = 0;
  #isEnding = false;

  constructor({ agentId, clock = systemClock, entry = findEntryPoints().agent, ...options }: ChildAgentOptions) {
    this.agentId = agentId;
    this.#clock = clock;
    this.#child = spawn(process.execPath, [...QUIET, entry, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: processEnvironment(),
      detached: true,
    });
    const pipe = this.#child.stdio[3];
    if (this.#child.pid === undefined || !(pipe instanceof Duplex)) {
      this.#child.once('error', () => {});
      throw new TroupeError('AGENT_LOST', `The operating system starts no process for agent ${agentId}.`);
    }
    this.#pid = this.#child.pid;
    this.#whenGone = new Promise((resolve) => {
      this.#tellGone = resolve;
    });
    this.#child.stdout?.on('error', () => {}).resume();
    this.#stderr = new OutputTail(this.#child.stderr);
    this.#desk = new WireDesk({ clock, spin: options.spin ?? true });
    this.#link = new StreamChannel(pipe);
    this.#link.onFrame((frame) => this.#received(frame));
    this.#commands = new ControlSender(this.#link);
    this.#commands.send({ type: 'wireTo', desk: this.#desk.address });
    this.#work = new WorkNotice({
      clock,
      workersWithCalls: () => [...this.#workers].flatMap(([id, { channel }]) => (channel.inFlight > 0 ? [id] : [])),
      tell: (workerIds) => this.#commands.offer({ type: 'callsInside', workerIds }),
    });
    this.#link.onClose(() => clock.after(END_TIMEOUT_MS, () => this.#end('Its pipe closed.')));
    this.#child.once('exit', () => clock.after(END_TIMEOUT_MS, () => this.#gone()));
    this.#child.once('close', () => this.#goneAfterLastFrames());
    clock.after(AGENT_START_TIMEOUT_MS, () => {
      if (this.#state === 'starting') this.#end(`It was not up after ${AGENT_START_TIMEOUT_MS} ms.`);
    });
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) (stream as { unref?: () => void } | null)?.unref?.();
  }

  onEvent(listener: (event: AgentEvent) => void): void {
    this.#events.listen(listener);
  }

  startWorker(workerId: string, spec: WorkerSpec): void {
    if (this.#workers.has(workerId)) throw new TroupeError('CONFLICT', `The agent has a worker ${workerId} already.`);
    // After the loss there is no event any more, and the loss has told all.
    if (this.#state === 'gone') return;
    const worker = new RemoteWorker({
      workerId,
      kind: spec.kind,
      clock: this.#clock,
      desk: this.#desk,
      command: (command) => this.#commands.send(command),
      emit: (event) => {
        if (event.type === 'workerStopped') this.#forget(workerId);
        this.#events.emit(event);
      },
      busy: () => this.#work.began(),
      wireEnded: () => this.#isEnding && this.#goneAfterLastFrames(),
    });
    this.#workers.set(workerId, worker);
    this.#commands.send({ type: 'startWorker', workerId, spec });
    this.#armWatch();
  }

  stopWorker(workerId: string, graceMs: number): void {
    this.#workers.get(workerId)?.stop(graceMs);
  }

  channel(workerId: string): Channel {
    return this.#workers.get(workerId)?.channel ?? endedChannel(workerId);
  }

  control(workerId: string): WorkerControl {
    const worker = this.#workers.get(workerId);
    if (!worker) return endedControl(workerId);
    return {
      specialise: (image) => this.#specialise(workerId, image),
      ...(worker.kind === 'thread'
        ? { linkTo: (calleeId: string, link: number) => this.#linkWorkers(workerId, calleeId, link) }
        : {}),
    };
  }

  async shutdown(graceMs: number): Promise<void> {
    if (this.#state !== 'gone') {
      this.#state = 'stopping';
      this.#commands.send({ type: 'shutdown', graceMs });
      for (const worker of this.#workers.values()) worker.leave();
      this.#clock.after(graceMs + SHUTDOWN_SLACK_MS, () => this.#end('It did not shut down in time.'));
    }
    await holdProcess(this.#whenGone);
  }

  kill(): void {
    this.#end('It was killed.');
  }

  #received(frame: Frame): void {
    if (frame.kind !== FRAME_KINDS.control || this.#state === 'gone') return;
    this.#missed = 0;
    let report: AgentReport;
    try {
      report = decodeMeta(frame.meta);
    } catch {
      // A function can write on any descriptor of its process, this pipe included.
      return this.#end('It sent what is no report.');
    }
    switch (report.type) {
      case 'event':
        return this.#happened(report);
      case 'specialised':
      case 'linked':
      case 'leased':
      case 'revoked':
        this.#asked.get(frame.call)?.(report);
        this.#asked.delete(frame.call);
        return;
      case 'group':
        if (report.alive) this.#groups.add(report.pid);
        else this.#groups.delete(report.pid);
        return;
      case 'stopped':
        this.#end('It was shut down.');
    }
  }

  #happened(report: AgentReport & { type: 'event' }): void {
    const { event } = report;
    if ('wire' in report) return this.#workers.get(report.event.workerId)?.started(report.event, report.wire);
    if (event.type === 'workerStopped') return this.#workers.get(event.workerId)?.stopped(event);
    if (event.type === 'agentReady' && this.#state === 'starting') this.#state = 'running';
    this.#events.emit(event);
  }

  #forget(workerId: string): void {
    this.#workers.delete(workerId);
    if (this.#workers.size > 0) return;
    this.#watch?.();
    this.#watch = undefined;
  }

  #specialise(workerId: string, image: InstanceImage): Promise<SpecialiseOutcome> {
    return new Promise((resolve) => {
      this.#ask({ type: 'specialise', workerId, image }, (answer) => {
        resolve(answer.type === 'specialised' ? answer.outcome : failedOutcome(this.#lost()));
      });
    });
  }

  async #linkWorkers(callerId: string, calleeId: string, link: number): Promise<PeerLink | undefined> {
    const isLinked = await new Promise<boolean>((resolve) => {
      this.#ask({ type: 'link', link, callerId, calleeId }, (answer) =>
        resolve(answer.type === 'linked' && answer.isLinked),
      );
    });
    if (!isLinked) return undefined;
    return {
      // Nothing orders this command and a frame on the wire of the caller.
      lease: (done) => this.#ask({ type: 'lease', link }, (answer) => answer.type === 'leased' && done()),
      revoke: (onlyIdle, done) =>
        this.#ask({ type: 'revoke', link, onlyIdle }, (answer) =>
          done(answer.type === 'revoked' ? answer.outcome : 'later'),
        ),
    };
  }

  /** `settle` is called once: with the answer, or with something else when the agent is gone. */
  #ask(command: AgentCommand, settle: (answer: AgentReport) => void): void {
    if (this.#state === 'gone') return settle(GONE);
    const call = ++this.#lastCall;
    this.#asked.set(call, settle);
    this.#commands.send(command, call);
  }

  #lost(): TroupeError {
    return agentLostError(this.agentId, {
      why: this.#why,
      exitCode: this.#child.exitCode,
      signal: this.#child.signalCode,
      stderr: this.#stderr.text,
    });
  }

  /** An agent whose loop is blocked, or that is stopped, cannot say so. */
  #armWatch(): void {
    this.#watch ??= this.#clock.after(HEARTBEAT_MS, () => {
      this.#watch = undefined;
      if (++this.#missed > MAX_MISSED) return this.#end(`It was silent for ${MAX_MISSED * HEARTBEAT_MS} ms.`);
      if (this.#workers.size > 0) this.#armWatch();
    });
  }

  #end(why: string): void {
    if (this.#state === 'gone') return;
    this.#why ??= why;
    killGroup(this.#pid);
  }

  /** What the instances sent before their end is still read. */
  #goneAfterLastFrames(): void {
    this.#isEnding = true;
    for (const pid of this.#groups) killGroup(pid);
    if (![...this.#workers.values()].some(({ hasOpenWire }) => hasOpenWire)) this.#gone();
  }

  #gone(): void {
    if (this.#state === 'gone') return;
    const wasAsked = this.#state === 'stopping';
    this.#state = 'gone';
    this.#watch?.();
    for (const pid of [this.#pid, ...this.#groups]) killGroup(pid);
    const error = this.#lost();
    for (const worker of [...this.#workers.values()]) worker.tellStopped();
    const lost = [...this.#workers.keys()];
    for (const worker of this.#workers.values()) worker.lost(error);
    this.#workers.clear();
    this.#desk.close();
    for (const settle of this.#asked.values()) settle(GONE);
    this.#asked.clear();
    this.#link.close();
    if (wasAsked)
      for (const workerId of lost) this.#events.emit({ type: 'workerStopped', workerId, reason: 'requested' });
    else this.#events.emit({ type: 'agentLost', error: withoutStack(error) });
    this.#tellGone();
  }
}
