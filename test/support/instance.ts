/**
 * Starts the built instance runtime in a thread or a process, and plays its agent and its host: specialises it, calls it, grants credit
 * and answers nested calls.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterAll } from 'vitest';
import { deserializeError, type SerializedError, type TroupeError } from '../../src/errors.ts';
import { findEntryPoints } from '../../src/resource-orchestration/node-agent/entry-points.ts';
import { decodeMeta, decodePayload, encodeMeta, encodePayload } from '../../src/transport/codec.ts';
import { CallingEnd, createBell } from '../../src/transport/control-port.ts';
import {
  type FunctionManifest,
  INSTANCE_GAUGES,
  type InstanceImage,
  PROCESS_PORTS,
  type ProcessInstanceMessage,
  type SpecialiseOutcome,
} from '../../src/transport/instance-control.ts';
import { Multiplexer } from '../../src/transport/multiplexer.ts';
import {
  type CallMeta,
  type CancelMeta,
  type Channel,
  EMPTY,
  FRAME_KINDS,
  type Frame,
  type FrameKind,
  type HttpEvent,
  type LogLine,
  type NestedCallMeta,
  type StreamHead,
} from '../../src/transport/protocol.ts';
import { createRing } from '../../src/transport/ring-buffer.ts';
import { RingChannel } from '../../src/transport/ring-channel.ts';
import { StreamChannel } from '../../src/transport/stream-channel.ts';

export const INSTANCE_KINDS = ['thread', 'process'] as const;
type InstanceKind = (typeof INSTANCE_KINDS)[number];

/** What agents start, and nothing else. */
const ENTRY_POINTS = findEntryPoints();

interface InstanceEnd {
  readonly exitCode: number | null;
  readonly signal?: NodeJS.Signals | null;
  readonly error?: Error;
}

/** Everything that arrived for one call. */
interface CallRecord {
  readonly chunks: unknown[];
  readonly head: StreamHead | undefined;
  readonly value: unknown;
  readonly runMs: number;
}

interface CallOptions {
  readonly mode?: CallMeta['mode'];
  readonly timeoutMs?: number;
  readonly meta?: Partial<CallMeta>;
  /** Granted at once, on top of what a stream starts with; without it each chunk is granted anew. */
  readonly withholdCredit?: boolean;
  /** Sent in the place of the payload, as it is. */
  readonly encoded?: Uint8Array;
}

interface PendingCall {
  readonly number: number;
  /** Rejects with the failure of the call, or when the channel closes. */
  readonly done: Promise<CallRecord>;
  readonly chunks: readonly unknown[];
  cancel(reason?: CancelMeta['reason']): void;
  grant(chunks: number): void;
}

type NestedHandler = (meta: NestedCallMeta, payload: unknown, frame: Frame) => unknown;

interface OpenCall {
  readonly mode: CallMeta['mode'];
  readonly withholdCredit: boolean;
  readonly chunks: unknown[];
  head?: StreamHead;
  resolve(record: CallRecord): void;
  reject(error: unknown): void;
}

/** The host's end of a call channel. */
export class CallingHost {
  readonly logs: LogLine[] = [];
  readonly frames: FrameKind[] = [];
  /** Answers the nested calls of the function; what it throws is their failure. */
  onNested: NestedHandler = () => undefined;
  onNestedCancel: (call: number) => void = () => undefined;
  readonly #channel: Channel;
  readonly #open = new Map<number, OpenCall>();
  #last = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onFrame((frame) => this.#receive(frame));
    channel.onClose((error) => {
      for (const { reject } of this.#open.values()) reject(error ?? new Error('The channel closed.'));
      this.#open.clear();
    });
  }

  /** The value of a call. */
  async invoke(payload?: unknown, options?: CallOptions): Promise<unknown> {
    return (await this.start(payload, options).done).value;
  }

  async stream(payload?: unknown, options?: CallOptions): Promise<readonly unknown[]> {
    return (await this.start(payload, { ...options, mode: 'stream' }).done).chunks;
  }

  /** A GET of the URL unless told otherwise. */
  async http(event: Partial<HttpEvent> & { readonly url: string }): Promise<{ head: StreamHead; body: string }> {
    const full: HttpEvent = { method: 'GET', headers: [], body: EMPTY, ...event };
    const { head, chunks } = await this.start(full, { mode: 'http' }).done;
    if (!head) throw new Error('The response has no head.');
    return { head, body: Buffer.concat(chunks as Uint8Array[]).toString() };
  }

  start(payload?: unknown, options: CallOptions = {}): PendingCall {
    const call = ++this.#last;
    const { mode = 'value', timeoutMs = 10_000, withholdCredit = false, encoded = encodePayload(payload) } = options;
    const chunks: unknown[] = [];
    const done = new Promise<CallRecord>((resolve, reject) => {
      this.#open.set(call, { mode, withholdCredit, chunks, resolve, reject });
    });
    done.catch(() => undefined);
    const meta: CallMeta = { id: `inv-${call}`, mode, attempt: 1, depth: 0, ...options.meta };
    this.send({
      kind: FRAME_KINDS.invoke,
      call,
      argument: timeoutMs,
      meta: encodeMeta(meta),
      payload: encoded,
    });
    return {
      number: call,
      done,
      chunks,
      cancel: (reason = 'cancelled') =>
        this.send({ kind: FRAME_KINDS.cancel, call, meta: encodeMeta({ reason } satisfies CancelMeta) }),
      grant: (granted) => this.send({ kind: FRAME_KINDS.credit, call, argument: granted }),
    };
  }

  send(frame: Partial<Frame> & { readonly kind: FrameKind }): void {
    this.#channel.send({ port: 0, call: 0, argument: 0, meta: EMPTY, payload: EMPTY, ...frame });
  }

  /** Polls until it holds, with a deadline. */
  async until(holds: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + 5_000;
    while (!holds()) {
      if (performance.now() > deadlineMs) throw new Error(`It does not hold in time: ${holds}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.#channel.close();
  }

  #receive(frame: Frame): void {
    if (frame.kind === FRAME_KINDS.ready) return;
    this.frames.push(frame.kind);
    if (frame.kind === FRAME_KINDS.log) this.logs.push(decodeMeta<LogLine>(frame.meta));
    else if (frame.kind === FRAME_KINDS.nestedInvoke) void this.#answerNested(frame);
    else if (frame.kind === FRAME_KINDS.nestedCancel) this.onNestedCancel(frame.call);
    else this.#settle(frame);
  }

  #settle(frame: Frame): void {
    const open = this.#open.get(frame.call);
    if (!open) throw new Error(`An answer of kind ${frame.kind} to a call that is not open: ${frame.call}.`);
    if (frame.kind === FRAME_KINDS.chunk) return this.#chunk(open, frame);
    this.#open.delete(frame.call);
    if (frame.kind === FRAME_KINDS.failure)
      return open.reject(deserializeError(decodeMeta<SerializedError>(frame.meta)));
    const value = frame.kind === FRAME_KINDS.result ? decodePayload(frame.payload) : undefined;
    open.resolve({ chunks: open.chunks, head: open.head, value, runMs: frame.argument });
  }

  #chunk(open: OpenCall, frame: Frame): void {
    if (frame.meta.length > 0) open.head = decodeMeta<StreamHead>(frame.meta);
    open.chunks.push(open.mode === 'http' ? frame.payload : decodePayload(frame.payload));
    if (!open.withholdCredit) this.send({ kind: FRAME_KINDS.credit, call: frame.call, argument: 1 });
  }

  async #answerNested(frame: Frame): Promise<void> {
    const { call } = frame;
    try {
      const answer = await this.onNested(decodeMeta<NestedCallMeta>(frame.meta), decodePayload(frame.payload), frame);
      this.send({ kind: FRAME_KINDS.nestedResult, call, payload: encodePayload(answer) });
    } catch (thrown) {
      const { serializeError } = await import('../../src/errors.ts');
      this.send({ kind: FRAME_KINDS.nestedFailure, call, meta: encodeMeta(serializeError(thrown)) });
    }
  }
}

export interface TestInstance {
  readonly kind: InstanceKind;
  readonly host: CallingHost;
  readonly ended: Promise<InstanceEnd>;
  /** Processes only. */
  readonly pid: number | undefined;
  /** What came on the control port; processes only. */
  readonly control: readonly ProcessInstanceMessage[];
  gauge(name: Exclude<keyof typeof INSTANCE_GAUGES, 'length'>): number;
  specialise(image: InstanceImage): Promise<SpecialiseOutcome>;
  /** Closes the channel, as when its agent dies. */
  disconnect(): void;
  stop(): Promise<void>;
}

export async function startInstance(kind: InstanceKind): Promise<TestInstance> {
  return kind === 'thread' ? startThread() : startProcess();
}

function startThread(): TestInstance {
  const control = new MessageChannel();
  const calls = new MessageChannel();
  const [callsIn, callsOut] = [createRing(), createRing()];
  const controlBell = createBell();
  const gauges = new SharedArrayBuffer(INSTANCE_GAUGES.length * 8);
  const values = new Float64Array(gauges);
  const worker = new Worker(ENTRY_POINTS.thread, {
    workerData: {
      control: control.port2,
      controlBell,
      calls: { port: calls.port2, incoming: callsIn, outgoing: callsOut },
      gauges,
    },
    transferList: [control.port2, calls.port2],
    env: {},
    stdout: true,
    stderr: true,
  });
  let error: Error | undefined;
  worker.once('error', (thrown) => {
    error = thrown as Error;
  });
  const ended = new Promise<InstanceEnd>((resolve) => {
    worker.once('exit', (exitCode) => resolve(error ? { exitCode, error } : { exitCode }));
  });
  const host = new CallingHost(new RingChannel({ port: calls.port1, outgoing: callsIn, incoming: callsOut }));
  const controlEnd = new CallingEnd(control.port1, controlBell);
  return {
    kind: 'thread',
    host,
    ended,
    pid: undefined,
    control: [],
    gauge: (name) => values[INSTANCE_GAUGES[name]] ?? Number.NaN,
    specialise: (image) =>
      Promise.race([
        controlEnd.specialise(image),
        ended.then((end) => Promise.reject(end.error ?? new Error(`The instance ended with ${end.exitCode}.`))),
      ]),
    disconnect: () => controlEnd.close(),
    async stop() {
      await worker.terminate();
      controlEnd.close();
      host.close();
    },
  };
}

async function startProcess(): Promise<TestInstance> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [ENTRY_POINTS.process], {
    stdio: ['ignore', 'ignore', process.env['TEST_STDERR'] ? 'inherit' : 'ignore', 'pipe'],
    env: { PATH, HOME, LANG: 'C.UTF-8' },
  });
  const link = new StreamChannel(child.stdio[3] as Duplex);
  const control: ProcessInstanceMessage[] = [];
  const waiting = new Set<() => void>();
  const multiplexer = new Multiplexer(link, {
    onLinkFrame: (frame) => {
      control.push(decodeMeta<ProcessInstanceMessage>(frame.meta));
      for (const look of waiting) look();
    },
  });
  const ended = once(child, 'exit').then(([exitCode, signal]): InstanceEnd => ({ exitCode, signal }));
  const host = new CallingHost(multiplexer.open(PROCESS_PORTS.calls));
  const message = <Type extends ProcessInstanceMessage['type']>(type: Type) =>
    new Promise<Extract<ProcessInstanceMessage, { type: Type }>>((resolve, reject) => {
      const look = () => {
        const found = control.find((candidate) => candidate.type === type);
        if (!found) return;
        waiting.delete(look);
        resolve(found as Extract<ProcessInstanceMessage, { type: Type }>);
      };
      waiting.add(look);
      look();
      void ended.then((end) => reject(new Error(`The instance ended with ${end.exitCode ?? end.signal}.`)));
    });
  await message('started');
  return {
    kind: 'process',
    host,
    ended,
    pid: child.pid,
    control,
    gauge: (name) => {
      const last = control.findLast((candidate) => candidate.type === 'gauges');
      return (last?.type === 'gauges' ? last.values[INSTANCE_GAUGES[name]] : undefined) ?? Number.NaN;
    },
    async specialise(image) {
      const meta = encodeMeta({ type: 'specialise', image } satisfies ProcessInstanceMessage);
      link.send({ kind: FRAME_KINDS.control, port: 0, call: 7, argument: 0, meta, payload: EMPTY });
      return (await message('specialised')).outcome;
    },
    disconnect: () => link.close(),
    async stop() {
      link.close();
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Artifacts are shared by the tests of a file, so they are kept until it ends. */
const directories: string[] = [];
afterAll(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

export async function writeArtifact(
  code: string,
  overrides: Partial<InstanceImage> & { readonly fileName?: string } = {},
): Promise<InstanceImage> {
  const { fileName = 'function.js', ...image } = overrides;
  const directory = await mkdtemp(join(tmpdir(), 'troupe-instance-'));
  directories.push(directory);
  const entry = join(directory, fileName);
  await writeFile(entry, code, { mode: 0o755 });
  return {
    functionName: 'sample',
    functionVersion: 3,
    format: 'script',
    entry,
    env: {},
    memoryMb: 128,
    payloadLimitBytes: 1_048_576,
    ...image,
  };
}

/** A started instance with this code in it. */
export async function instanceOf(
  kind: InstanceKind,
  code: string,
  overrides?: Partial<InstanceImage> & { readonly fileName?: string },
): Promise<TestInstance & { readonly manifest: FunctionManifest }> {
  const instance = await startInstance(kind);
  const outcome = await instance.specialise(await writeArtifact(code, overrides));
  if (outcome.kind === 'failed') {
    await instance.stop();
    throw deserializeError(outcome.error);
  }
  return { ...instance, manifest: outcome.manifest };
}

/** The typed error of something that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<TroupeError> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a failure, got ${JSON.stringify(value)}.`);
    },
    (error: TroupeError) => error,
  );
}
