/**
 * A child process, the leader of a process group of its own, reached over one duplex pipe with two ports. The group, and any that the
 * instance makes for an executable, is killed whole.
 *
 * The heap is limited by V8 (`--max-old-space-size`), everything together by the supervisor's watch.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { processEnvironment } from '../../config.ts';
import { type SerializedError, TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeMeta } from '../../transport/codec.ts';
import {
  CRASH_EXIT_CODE,
  type InstanceControl,
  type InstanceImage,
  PROCESS_PORTS,
  type ProcessInstanceMessage,
  SLEEP_ARGUMENT,
  SPARE_ARGUMENT,
  type SpecialiseOutcome,
  WIRE_ARGUMENT,
} from '../../transport/instance-control.ts';
import { Multiplexer } from '../../transport/multiplexer.ts';
import { type Channel, FRAME_KINDS, type Frame } from '../../transport/protocol.ts';
import { StreamChannel } from '../../transport/stream-channel.ts';
import { ControlSender } from './control-sender.ts';
import { killGroup } from './kill-group.ts';
import { OutputTail } from './output-tail.ts';
import { childrenOf, processCpuMs, processTreeMemoryMb } from './proc-files.ts';
import { type Gauges, readGauges } from './sampling.ts';
import { processEnd, type WorkerEnd } from './stop-reason.ts';
import { QUIET } from './thread-body.ts';
import type { BodyEvents, BodyOptions, WorkerBody } from './worker-body.ts';

/** After its exit: something that left its group may hold its output open for ever. */
const OUTPUT_TIMEOUT_MS = 100;

export interface ProcessBodyOptions extends BodyOptions {
  readonly clock: Clock;
}

export class ProcessBody implements WorkerBody {
  readonly calls: Channel | undefined;
  readonly control: InstanceControl = { specialise: (image) => this.#specialise(image) };
  readonly #child: ChildProcess;
  readonly #pid: number;
  readonly #link: StreamChannel;
  readonly #sender: ControlSender<ProcessInstanceMessage>;
  readonly #events: BodyEvents;
  readonly #stderr: OutputTail;
  /** Groups that the instance has made, by the id of their leader. */
  readonly #groups = new Set<number>();
  #isEnded = false;
  #gauges: Gauges | undefined;
  #crash: SerializedError | undefined;
  #specialised: ((outcome: SpecialiseOutcome) => void) | undefined;

  /** Throws when no process can be started. */
  constructor(options: ProcessBodyOptions) {
    this.#events = options.events;
    const { entry, memoryMb, isSpare, spin, wire } = options;
    const parameters = [...QUIET, `--max-old-space-size=${memoryMb}`, entry];
    if (wire) parameters.push(WIRE_ARGUMENT);
    if (!spin) parameters.push(SLEEP_ARGUMENT);
    if (isSpare) parameters.push(SPARE_ARGUMENT);
    this.#child = spawn(process.execPath, parameters, {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: processEnvironment(),
      detached: true,
    });
    const pipe = this.#child.stdio[3];
    if (this.#child.pid === undefined || !(pipe instanceof Duplex)) {
      this.#child.once('error', () => {});
      throw new TroupeError('INSTANCE_START_FAILED', 'The operating system starts no further process.');
    }
    this.#pid = this.#child.pid;
    this.#events.group(this.#pid, true);
    this.#child.stdout?.on('error', () => {}).resume();
    this.#stderr = new OutputTail(this.#child.stderr);
    this.#link = new StreamChannel(pipe, wire ? {} : { spinsFor: 'answers', spin });
    this.#sender = new ControlSender(this.#link);
    const multiplexer = new Multiplexer(this.#link, { onLinkFrame: (frame) => this.#received(frame) });
    if (wire) this.#sender.send({ type: 'connect', address: wire });
    else this.calls = multiplexer.open(PROCESS_PORTS.calls);
    this.#child.once('exit', () => {
      this.#killGroups();
      options.clock.after(OUTPUT_TIMEOUT_MS, () => this.#ended());
    });
    // After 'exit' and the last of the output.
    this.#child.once('close', () => this.#ended());
    this.#unref();
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  get isGone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  leave(): void {
    this.#link.close();
  }

  kill(): void {
    this.#killGroups();
  }

  dispose(): void {
    this.#link.close();
    this.#killGroups();
  }

  cpuMs(): number | undefined {
    return processCpuMs(this.#pid);
  }

  gauges(): Gauges | undefined {
    return this.#gauges;
  }

  memoryMb(): number | undefined {
    return processTreeMemoryMb(this.#pid);
  }

  #killGroups(): void {
    if (this.#isEnded) return;
    // An executable that was started a moment ago leads a group that nobody has told us of yet.
    for (const child of childrenOf(this.#pid)) killGroup(child);
    killGroup(this.#pid);
    for (const group of this.#groups) killGroup(group);
  }

  #ended(): void {
    if (this.#isEnded) return;
    this.#killGroups();
    this.#isEnded = true;
    for (const group of [this.#pid, ...this.#groups]) this.#events.group(group, false);
    this.#events.ended(this.#explain(this.#child.exitCode, this.#child.signalCode));
  }

  #explain(exitCode: number | null, signal: NodeJS.Signals | null): WorkerEnd {
    if (this.#crash && exitCode === CRASH_EXIT_CODE) return { reason: 'crashed', error: this.#crash };
    return processEnd(exitCode, signal, this.stderr);
  }

  #received(frame: Frame): void {
    if (frame.kind !== FRAME_KINDS.control) return;
    let message: ProcessInstanceMessage;
    try {
      message = decodeMeta(frame.meta);
    } catch (cause) {
      // A function can write on any descriptor of its process: it breaks its own pipe, and nothing else.
      return this.#link.close(new TroupeError('FRAME_INVALID', 'A control message cannot be read.', { cause }));
    }
    switch (message.type) {
      case 'started':
        return this.#events.up();
      case 'specialised':
        return this.#specialised?.(message.outcome);
      case 'gauges':
        this.#gauges = readGauges(message.values);
        return;
      case 'groupStarted':
        this.#groups.add(message.pid);
        return this.#events.group(message.pid, true);
      case 'groupEnded':
        this.#groups.delete(message.pid);
        return this.#events.group(message.pid, false);
      case 'crashed':
        this.#crash = message.error;
        return;
      case 'connect':
      case 'specialise':
    }
  }

  /** Settles when the instance answers; whoever asks also waits for its end. */
  #specialise(image: InstanceImage): Promise<SpecialiseOutcome> {
    return new Promise((resolve) => {
      this.#specialised = resolve;
      this.#sender.send({ type: 'specialise', image }, 1);
    });
  }

  #unref(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) (stream as { unref?: () => void } | null)?.unref?.();
  }
}
