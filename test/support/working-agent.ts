/** A fake agent whose workers load a function and answer calls over real channels, on any clock. */
import { serializeError, TroupeError } from '../../src/errors.ts';
import type { CancelTimer, Clock } from '../../src/kernel/clock.ts';
import type { WorkerStopReason } from '../../src/resource-orchestration/node-agent/protocol.ts';
import { decodeCallMeta } from '../../src/transport/call-meta.ts';
import { decodePayload, encodeMeta, encodePayload } from '../../src/transport/codec.ts';
import type { InstanceControl, InstanceImage, SpecialiseOutcome } from '../../src/transport/instance-control.ts';
import { createLocalChannelPair } from '../../src/transport/local-channel.ts';
import { type CallMeta, type Channel, EMPTY, FRAME_KINDS, type Frame } from '../../src/transport/protocol.ts';
import { FakeAgent, type FakeAgentBehaviour } from './fake-agent.ts';

/** What a call does, told by its payload. */
export interface Script {
  /** How long it takes; the default is 1. */
  readonly ms?: number;
  /** The default is to answer. `hang`: no answer. `deaf`: no answer, and cancellations are ignored. */
  readonly end?: 'answer' | 'throw' | 'crash' | 'hang' | 'deaf';
  /** Chunks that go out at once, before `end`. */
  readonly chunks?: number;
  /** Calls this function with that script first, and answers with its result. */
  readonly nested?: { readonly name: string; readonly script: Script };
}

export interface LayerAgentBehaviour extends FakeAgentBehaviour {
  /** How loading goes, by image; the default is well, after 2 ms. Undefined: no answer. */
  readonly load?: (image: InstanceImage) => { readonly ms: number; readonly fails?: boolean } | undefined;
  readonly highWaterBytes?: number;
}

interface Working {
  readonly near: Channel;
  readonly far: Channel;
}

export class WorkingAgent extends FakeAgent {
  readonly #clock: Clock;
  readonly #behaviour: LayerAgentBehaviour;
  readonly #working = new Map<string, Working>();
  /** Every call that any worker here was given, with its meta. */
  readonly taken: CallMeta[] = [];
  readonly loaded: InstanceImage[] = [];

  constructor(agentId: string, clock: Clock, behaviour: LayerAgentBehaviour) {
    super(agentId, clock, behaviour);
    this.#clock = clock;
    this.#behaviour = behaviour;
  }

  override channel(workerId?: string): Channel {
    return this.#workerOf(workerId ?? '').near;
  }

  /** The worker's own end of its channel. */
  farEnd(workerId: string): Channel {
    return this.#workerOf(workerId).far;
  }

  override control(): InstanceControl {
    return {
      specialise: (image) =>
        new Promise<SpecialiseOutcome>((resolve) => {
          const { load = () => ({ ms: 2 }) } = this.#behaviour;
          const loading: { readonly ms: number; readonly fails?: boolean } | undefined = load(image);
          if (!loading) return;
          this.#clock.after(loading.ms, () => {
            this.loaded.push(image);
            if (loading.fails) resolve({ kind: 'failed', error: serializeError(new Error('it does not load')) });
            else resolve({ kind: 'ready', manifest: { shape: 'value', config: {} }, tookMs: loading.ms });
          });
        }),
    };
  }

  override crash(workerId: string, reason: WorkerStopReason = 'crashed'): void {
    this.#close(workerId);
    super.crash(workerId, reason);
  }

  override die(why?: string): void {
    for (const workerId of [...this.#working.keys()]) this.#close(workerId);
    super.die(why);
  }

  override async shutdown(): Promise<void> {
    for (const workerId of [...this.#working.keys()]) this.#close(workerId);
    await super.shutdown();
  }

  #close(workerId: string): void {
    this.#working.get(workerId)?.far.close(new TroupeError('CHANNEL_CLOSED', 'The worker ended.'));
    this.#working.delete(workerId);
  }

  #workerOf(workerId: string): Working {
    const known = this.#working.get(workerId);
    if (known) return known;
    const { highWaterBytes } = this.#behaviour;
    const [near, far] = createLocalChannelPair(highWaterBytes === undefined ? {} : { highWaterBytes });
    this.#working.set(workerId, { near, far });
    serve(far, {
      clock: this.#clock,
      taken: (meta) => this.taken.push(meta),
      crash: () => this.crash(workerId),
    });
    return { near, far };
  }
}

interface ServeOptions {
  readonly clock: Clock;
  readonly taken: (meta: CallMeta) => void;
  readonly crash: () => void;
}

function serve(far: Channel, { clock, taken, crash }: ServeOptions): void {
  const inside = new Map<number, { readonly isDeaf: boolean; cancelTimer: CancelTimer }>();
  const nested = new Map<number, (frame: Frame) => void>();
  let lastNested = 0;
  const send = (kind: Frame['kind'], call: number, rest: Partial<Frame> = {}) =>
    far.send({ kind, port: 0, call, argument: 1, meta: EMPTY, payload: EMPTY, ...rest });
  const fail = (call: number, error: unknown) =>
    send(FRAME_KINDS.failure, call, { meta: encodeMeta(serializeError(error)) });
  const begin = (call: number, script: Script, isStream: boolean) => {
    const { ms = 1, end = 'answer', chunks = 0 } = script;
    const finish = () => {
      if (!inside.has(call) || end === 'hang' || end === 'deaf') return;
      if (end === 'crash') return crash();
      inside.delete(call);
      if (end === 'throw') fail(call, new Error('as the script says'));
      else if (isStream) send(FRAME_KINDS.end, call);
      else send(FRAME_KINDS.result, call, { payload: encodePayload('done') });
    };
    for (let chunk = 0; chunk < chunks; chunk++) send(FRAME_KINDS.chunk, call, { payload: encodePayload(chunk) });
    inside.set(call, { isDeaf: end === 'deaf', cancelTimer: clock.after(ms, finish) });
  };
  far.onFrame((frame) => {
    const { kind, call } = frame;
    if (kind === FRAME_KINDS.invoke) {
      const meta = decodeCallMeta(frame.meta);
      taken(meta);
      const script = decodePayload(frame.payload) as Script;
      if (!script.nested) return begin(call, script, meta.mode !== 'value');
      const { name, script: inner } = script.nested;
      inside.set(call, { isDeaf: false, cancelTimer: () => {} });
      nested.set(++lastNested, (answer) => {
        if (!inside.delete(call)) return;
        if (answer.kind === FRAME_KINDS.nestedResult) send(FRAME_KINDS.result, call, { payload: answer.payload });
        else send(FRAME_KINDS.failure, call, { meta: answer.meta });
      });
      send(FRAME_KINDS.nestedInvoke, lastNested, {
        meta: encodeMeta({ name, parentCall: call }),
        payload: encodePayload(inner),
      });
    } else if (kind === FRAME_KINDS.cancel) {
      const entry = inside.get(call);
      if (!entry || entry.isDeaf) return;
      entry.cancelTimer();
      inside.delete(call);
      fail(call, new TroupeError('CANCELLED', 'cancelled inside'));
    } else if (kind === FRAME_KINDS.nestedResult || kind === FRAME_KINDS.nestedFailure) {
      nested.get(call)?.(frame);
      nested.delete(call);
    }
  });
}
