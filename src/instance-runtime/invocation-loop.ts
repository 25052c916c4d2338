/**
 * Takes calls from its channels and answers them: from its host, and from other instances that lease slots of this one.
 *
 * Invariants (numbers as in README.md):
 * 1. Every call is answered exactly once: `result`, `end` or `failure`. The one frame that does so leaves in `#answer`.
 * 2. What a call logged leaves before its answer.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { serializeError, TroupeError, toTroupeError } from '../errors.ts';
import { decodeCallMeta } from '../transport/call-meta.ts';
import { decodeMeta, decodePayload, encodeMeta } from '../transport/codec.ts';
import type { InstanceImage } from '../transport/instance-control.ts';
import type { PeerCommand, PeerReport } from '../transport/peer-protocol.ts';
import {
  type CancelMeta,
  type Channel,
  EMPTY,
  FRAME_KINDS,
  type Frame,
  type FrameKind,
} from '../transport/protocol.ts';
import { type Answer, answerCall, type Job } from './answer.ts';
import { pumpChunks } from './chunk-pump.ts';
import { EarlyCalls } from './early-calls.ts';
import { encodeWithin } from './encode-within.ts';
import { encodeFailure } from './failure.ts';
import type { LoadedFunction } from './handler-shape.ts';
import { Invocation, type InvocationServices } from './invocation.ts';
import { Lane, type LeasedSlot } from './lane.ts';
import { LogSender } from './log-sender.ts';
import { NestedCalls, reportFrame } from './nested-calls.ts';
import { Refusal } from './refusal.ts';

interface InvocationLoopOptions {
  readonly channel: Channel;
  /** Runs whenever a call enters or leaves. */
  readonly onCallsInside?: (inFlight: number) => void;
}

/** What the instance has become. */
interface Role {
  readonly loaded: LoadedFunction;
  readonly services: InvocationServices;
  readonly nested: NestedCalls;
}

/** How far a call has come is for people to look at. */
const PROGRESS = { limitBytes: 65_536, what: 'payload', of: 'context.progress' } as const;

interface LaneJob extends Job {
  readonly lane: Lane;
}

export class InvocationLoop {
  readonly logs: LogSender;
  /** Of the host. */
  readonly #own: Lane;
  readonly #current = new AsyncLocalStorage<Invocation>();
  readonly #onCallsInside: (inFlight: number) => void;
  readonly #early = new EarlyCalls();
  #hadEarlyCalls = false;
  #role: Role | undefined;
  /** Calls of all lanes. */
  #inside = 0;

  constructor({ channel, onCallsInside = () => {} }: InvocationLoopOptions) {
    this.#own = new Lane(channel);
    this.#onCallsInside = onCallsInside;
    this.logs = new LogSender(channel, this.#own.outbox, this.#current);
    channel.onFrame((frame) => this.#receive(this.#own, frame));
  }

  /** Answers the calls of another instance, which may use one slot of this one. */
  serve(channel: Channel, slot: LeasedSlot): void {
    const lane = new Lane(channel, slot);
    channel.onFrame((frame) => this.#receive(lane, frame));
    channel.onClose(() => this.#laneClosed(lane));
  }

  /** The calls that its function makes; there once it has one. */
  get nested(): NestedCalls | undefined {
    return this.#role?.nested;
  }

  /** Calls came while the function was loaded. */
  get hadEarlyCalls(): boolean {
    return this.#hadEarlyCalls;
  }

  /** Says that the function is there, ahead of the answers to calls that have come before it. */
  announce(tookMs: number): void {
    this.#own.outbox.post({ kind: FRAME_KINDS.ready, port: 0, call: 0, argument: tookMs, meta: EMPTY, payload: EMPTY });
  }

  /** From here on calls are answered by this function: first those that came while it was loaded, since `sinceMs`. */
  become(loaded: LoadedFunction, image: InstanceImage, sinceMs: number): void {
    const nested = new NestedCalls(this.#own.outbox, image.payloadLimitBytes);
    this.#role = {
      loaded,
      nested,
      services: {
        image,
        invokeNested: (parent, name, payload, options) => nested.invoke(parent, name, payload, options),
        logger: (parent) => this.logs.loggerFor(parent),
        heartbeat: (parent, progress) => this.#beat(parent, progress),
      },
    };
    const early = this.#early.take(sinceMs);
    this.#hadEarlyCalls = early.length > 0;
    for (const frame of early) this.#receive(this.#own, frame);
  }

  #receive(lane: Lane, frame: Frame): void {
    if (!this.#role && lane.isOwn) return this.#receiveEarly(frame);
    switch (frame.kind) {
      case FRAME_KINDS.invoke:
        return this.#invoke(lane, frame);
      case FRAME_KINDS.cancel:
        return this.#cancel(lane.calls.get(frame.call), decodeMeta<CancelMeta>(frame.meta));
      case FRAME_KINDS.credit:
        return lane.calls.get(frame.call)?.credit?.grant(frame.argument);
      case FRAME_KINDS.nestedResult:
      case FRAME_KINDS.nestedFailure:
        return this.#role?.nested.receive(frame);
      case FRAME_KINDS.control:
        return lane.isOwn ? this.#role?.nested.obey(decodeMeta<PeerCommand>(frame.meta)) : undefined;
      default:
        // A newer host may say more than we understand.
        return;
    }
  }

  #receiveEarly(frame: Frame): void {
    const { kind, call } = frame;
    if (kind === FRAME_KINDS.invoke || kind === FRAME_KINDS.credit) return this.#early.hold(frame);
    if (kind !== FRAME_KINDS.cancel || !this.#early.drop(call)) return;
    const error = new TroupeError('CANCELLED', 'The call was given up before the function was loaded.');
    this.#own.outbox.post({ ...frame, kind: FRAME_KINDS.failure, meta: encodeMeta(serializeError(error)) });
  }

  #invoke(lane: Lane, frame: Frame): void {
    const role = this.#role;
    if (!role || lane.calls.get(frame.call)) {
      const why = role ? `Call ${frame.call} is inside already.` : 'The instance has no function yet.';
      const meta = encodeMeta(serializeError(new TroupeError('INTERNAL', why)));
      return lane.outbox.post({ ...frame, kind: FRAME_KINDS.failure, argument: 0, meta, payload: EMPTY });
    }
    const { loaded, services } = role;
    const invocation = new Invocation({ frame, meta: decodeCallMeta(frame.meta), lane, services });
    lane.calls.add(frame.call, invocation);
    this.#onCallsInside(++this.#inside);
    const job: LaneJob = { loaded, image: services.image, invocation, lane };
    // Once something has asked which call is running, each promise of this thread costs 0.1 us more.
    if (loaded.mayPrint === false) this.#run(job, frame.payload);
    else this.#current.run(invocation, this.#run, job, frame.payload);
  }

  /** An answer that is there at once leaves at once. */
  readonly #run = (job: LaneJob, payload: Uint8Array): void => {
    let answer: Answer | Promise<Answer>;
    try {
      answer = answerCall(job, decodeEvent(payload));
    } catch (thrown) {
      return this.#answer(job, FRAME_KINDS.failure, encodeFailure(job, thrown));
    }
    if ('kind' in answer && answer.kind === 'result') {
      this.#answer(job, FRAME_KINDS.result, answer.payload);
    } else void this.#answerLater(job, answer);
  };

  async #answerLater(job: LaneJob, coming: Answer | Promise<Answer>): Promise<void> {
    try {
      const answer = await coming;
      if (answer.kind === 'result') return this.#answer(job, FRAME_KINDS.result, answer.payload);
      await pumpChunks(answer, job.invocation, job.lane.outbox);
      this.#answer(job, FRAME_KINDS.end, EMPTY);
    } catch (thrown) {
      this.#answer(job, FRAME_KINDS.failure, encodeFailure(job, thrown));
    }
  }

  #answer({ invocation, lane }: LaneJob, kind: FrameKind, content: Uint8Array): void {
    const { runMs, channelNumber: call } = invocation;
    invocation.finish();
    lane.calls.delete(call);
    const nested = this.#role?.nested;
    nested?.endAll(invocation);
    this.logs.endOf(invocation);
    // Ahead of the answer, so that whoever has it finds the calls below it in the ledger. For the calls of another instance that would be a
    // bell for each.
    if (lane.slot) this.#leaveSlot(lane, lane.slot);
    else nested?.peers.flush();
    const isFailure = kind === FRAME_KINDS.failure;
    const meta = isFailure ? content : EMPTY;
    const payload = isFailure ? EMPTY : content;
    // Encoded for this frame, and for nobody else.
    lane.outbox.post({ kind, port: 0, call, argument: runMs, meta, payload, isGiven: true });
    this.#onCallsInside(--this.#inside);
  }

  /** The calls of other instances are nothing that the host knows of, nor waits for. */
  #beat({ lane, channelNumber: call }: Invocation, progress: unknown): void {
    if (!lane.isOwn) return;
    const { outbox } = this.#own;
    const payload = progress === undefined ? EMPTY : encodeWithin(progress, PROGRESS);
    outbox.offer({ kind: FRAME_KINDS.heartbeat, port: 0, call, argument: 0, meta: EMPTY, payload });
  }

  #cancel(invocation: Invocation | undefined, meta: CancelMeta): void {
    if (!invocation) return;
    invocation.cancel(meta);
    if (invocation.cancelled) this.#role?.nested.endAll(invocation);
  }

  /** Ahead of the answer: whoever has that may call again at once. */
  #leaveSlot(lane: Lane, { link, word }: LeasedSlot): void {
    if (lane.isClosed ? lane.calls.size === 0 && word.surrender() : word.end()) this.#returned(link);
  }

  /** The calling instance is gone: nobody waits, and its slot is free once its call has left. */
  #laneClosed(lane: Lane): void {
    for (const invocation of lane.calls.items()) this.#cancel(invocation, { reason: 'cancelled' });
    if (lane.slot && lane.calls.size === 0 && lane.slot.word.surrender()) this.#returned(lane.slot.link);
  }

  #returned(link: number): void {
    this.#own.outbox.post(reportFrame({ type: 'leaseReturned', link } satisfies PeerReport));
  }
}

function decodeEvent(payload: Uint8Array): unknown {
  try {
    return payload.byteLength === 0 ? undefined : decodePayload(payload);
  } catch (thrown) {
    throw new Refusal('INVALID_ARGUMENT', `The payload cannot be decoded: ${toTroupeError(thrown).message}`, {
      cause: thrown,
    });
  }
}
