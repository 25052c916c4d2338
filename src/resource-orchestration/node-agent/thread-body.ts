/**
 * A worker thread. Its heap is limited by V8, at construction and for good; what it holds outside of the heap is not limited by
 * anything but the supervisor's watch.
 */
import { MessageChannel, type Transferable, Worker } from 'node:worker_threads';
import { type Remote, releaseProxy, transfer, wrap } from 'comlink';
import type { Clock } from '../../kernel/clock.ts';
import { CallingEnd, createBell } from '../../transport/control-port.ts';
import {
  INSTANCE_GAUGES,
  type InstanceControl,
  type InstanceImage,
  type SpecialiseOutcome,
  type ThreadCalls,
  type ThreadInstanceData,
} from '../../transport/instance-control.ts';
import type { PeerEnd } from '../../transport/peer-protocol.ts';
import { createRing } from '../../transport/ring-buffer.ts';
import { RingChannel } from '../../transport/ring-channel.ts';
import { SpinPolicy } from '../../transport/spin-policy.ts';
import type { CodeMemory } from './code-memory.ts';
import { listThreadIds, threadCpuMs } from './proc-files.ts';
import { type Gauges, readGauges } from './sampling.ts';
import { threadEnd } from './stop-reason.ts';
import type { BodyOptions, WorkerBody } from './worker-body.ts';

/** Deep recursion of a parser or a template must not end the thread where it would not end a plain process. */
const STACK_MB = 4;
/** A sixteenth of the heap as young generation. With less than 16 MiB, loading a function with a few libraries is interrupted by scavenges. */
const youngGenerationMb = (memoryMb: number) => Math.min(48, Math.max(16, memoryMb / 16));

/** Silences the note that V8's default loader is experimental, which every thread would print. Not a V8 flag, so it spoils no code cache. */
export const QUIET: readonly string[] = ['--disable-warning=ExperimentalWarning'];

/** A property that no instance has: comlink answers as soon as the instance listens. */
type Answering = Remote<Required<InstanceControl> & { readonly isUp: undefined }>;

/** A small function that becomes an instance out of a spare has answered by then. */
const FIRST_ANSWER_MS = 1;

/** By then the function was called, and the code cache that goes with it is made. */
const REMEMBER_AFTER_MS = 500;

export interface ThreadBodyOptions extends BodyOptions {
  readonly code: CodeMemory;
  readonly clock: Clock;
}

export class ThreadBody implements WorkerBody {
  readonly calls: RingChannel | undefined;
  readonly control: InstanceControl;
  readonly #worker: Worker;
  readonly #controlEnd: CallingEnd;
  readonly #remote: Answering;
  readonly #gauges: Float64Array;
  readonly #code: CodeMemory;
  readonly #clock: Clock;
  readonly #threadId: number | undefined;
  #error: unknown;
  #isGone = false;

  constructor({ entry, memoryMb, isSpare, spin, wire, events, code, clock }: ThreadBodyOptions) {
    this.#code = code;
    this.#clock = clock;
    const control = new MessageChannel();
    const controlBell = createBell();
    const gauges = new SharedArrayBuffer(INSTANCE_GAUGES.length * Float64Array.BYTES_PER_ELEMENT);
    const { near, far, transferred } = wire ? { near: undefined, far: wire, transferred: [] } : ringCalls(spin);
    this.calls = near;
    const workerData: ThreadInstanceData = {
      control: control.port2,
      controlBell,
      calls: far,
      gauges,
      isSpare,
      spin,
    };
    const before = new Set(listThreadIds());
    this.#worker = new Worker(entry, {
      workerData,
      transferList: [control.port2, ...transferred],
      resourceLimits: {
        maxOldGenerationSizeMb: memoryMb,
        maxYoungGenerationSizeMb: youngGenerationMb(memoryMb),
        stackSizeMb: STACK_MB,
      },
      env: {},
      execArgv: [...QUIET],
      stdout: true,
      stderr: true,
      trackUnmanagedFds: true,
    });
    // The thread exists when the constructor returns. Should another start at the same moment, which is ours cannot be told.
    const started = listThreadIds().filter((id) => !before.has(id));
    this.#threadId = started.length === 1 ? started[0] : undefined;
    this.#gauges = new Float64Array(gauges);
    this.#worker.on('error', (error) => {
      this.#error = error;
    });
    this.#worker.on('exit', (exitCode) => {
      this.#isGone = true;
      events.ended(threadEnd(this.#error, exitCode, this.stderr));
    });
    this.#worker.unref();
    this.#controlEnd = new CallingEnd(control.port1, controlBell);
    this.#remote = wrap(this.#controlEnd) as unknown as Answering;
    this.control = { specialise: (image) => this.#specialise(image) };
    void this.#remote.isUp.then(events.up, events.up);
  }

  /**
   * Read at the end only: reading would keep this process alive. Nearly always empty, as the runtime inside turns what a function prints
   * into log lines.
   */
  get isGone(): boolean {
    return this.#isGone;
  }

  get stderr(): string {
    return String(this.#worker.stderr.read() ?? '');
  }

  async join(end: PeerEnd): Promise<void> {
    await this.#remote.join(transfer(end, [end.port]));
  }

  rouse(): void {
    this.#controlEnd.rouse();
  }

  leave(): void {
    this.#controlEnd.close();
  }

  kill(): void {
    void this.#worker.terminate();
  }

  dispose(): void {
    this.#remote[releaseProxy]();
    this.#controlEnd.close();
  }

  cpuMs(): number | undefined {
    return this.#threadId === undefined ? undefined : threadCpuMs(this.#threadId);
  }

  gauges(): Gauges | undefined {
    return readGauges(this.#gauges);
  }

  /** Threads share the memory of their process. */
  memoryMb(): undefined {
    return undefined;
  }

  async #specialise(image: InstanceImage): Promise<SpecialiseOutcome> {
    const complete = this.#code.complete(image);
    if (complete === image) this.#clock.after(REMEMBER_AFTER_MS, () => void this.#code.remember(image));
    return this.#controlEnd.specialise(complete);
  }
}

interface CallEnds {
  readonly near: RingChannel;
  readonly far: ThreadCalls;
  readonly transferred: readonly Transferable[];
}

function ringCalls(spin: boolean): CallEnds {
  const { port1, port2 } = new MessageChannel();
  const [incoming, outgoing] = [createRing(), createRing()];
  const policy = new SpinPolicy({ isAllowed: spin, firstSpinMs: FIRST_ANSWER_MS });
  return {
    near: new RingChannel({ port: port1, outgoing: incoming, incoming: outgoing, spinsFor: 'answers', policy }),
    far: { port: port2, incoming, outgoing },
    transferred: [port2],
  };
}
