/**
 * Takes calls from a channel and answers them.
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
import { encodeFailure } from './failure.ts';
import type { LoadedFunction } from './handler-shape.ts';
import { Invocation, type InvocationServices } from './invocation.ts';
import { LogSender } from './log-sender.ts';
import { NestedCalls } from './nested-calls.ts';
import { Outbox } from './outbox.ts';
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

export class InvocationLoop {
  readonly logs: LogSender;
  readonly #outbox: Outbox;
  readonly #current = new AsyncLocalStorage<Invocation>();
  readonly #calls = new Map<number, Invocation>();
  readonly #onCallsInside: (inFlight: number) => void;
  #role: Role | undefined;

  constructor({ channel, onCallsInside = () => {} }: InvocationLoopOptions) {
    this.#outbox = new Outbox(channel);
    this.#onCallsInside = onCallsInside;
    this.logs = new LogSender(channel, this.#outbox, this.#current);
    channel.onFrame((frame) => this.#receive(frame));
  }

  /** From here on calls are answered by this function. */
  become(loaded: LoadedFunction, image: InstanceImage): void {
    const nested = new NestedCalls(this.#outbox, image.payloadLimitBytes);
    this.#role = {
      loaded,
      nested,
      services: {
        image,
        invokeNested: (parent, name, payload, options) => nested.invoke(parent, name, payload, options),
        logger: (parent) => this.logs.loggerFor(parent),
      },
    };
  }

  #receive(frame: Frame): void {
    switch (frame.kind) {
      case FRAME_KINDS.invoke:
        return this.#invoke(frame);
      case FRAME_KINDS.cancel:
        return this.#cancel(frame);
      case FRAME_KINDS.credit:
        return this.#calls.get(frame.call)?.credit?.grant(frame.argument);
      case FRAME_KINDS.nestedResult:
      case FRAME_KINDS.nestedFailure:
        return this.#role?.nested.receive(frame);
      default:
        // A newer host may say more than we understand.
        return;
    }
  }

  #invoke(frame: Frame): void {
    const role = this.#role;
    if (!role || this.#calls.has(frame.call)) {
      const why = role ? `Call ${frame.call} is inside already.` : 'The instance has no function yet.';
      return this.#post(
        frame.call,
        FRAME_KINDS.failure,
        0,
        encodeMeta(serializeError(new TroupeError('INTERNAL', why))),
      );
    }
    const invocation = new Invocation(frame, decodeCallMeta(frame.meta), role.services);
    this.#calls.set(frame.call, invocation);
    this.#onCallsInside(this.#calls.size);
    const job: Job = { loaded: role.loaded, image: role.services.image, invocation };
    this.#current.run(invocation, this.#run, job, frame.payload);
  }

  /** An answer that is there at once leaves at once. */
  readonly #run = (job: Job, payload: Uint8Array): void => {
    let answer: Answer | Promise<Answer>;
    try {
      answer = answerCall(job, decodeEvent(payload));
    } catch (thrown) {
      return this.#answer(job.invocation, FRAME_KINDS.failure, encodeFailure(job, thrown));
    }
    if ('kind' in answer && answer.kind === 'result') {
      this.#answer(job.invocation, FRAME_KINDS.result, answer.payload);
    } else void this.#answerLater(job, answer);
  };

  async #answerLater(job: Job, coming: Answer | Promise<Answer>): Promise<void> {
    const { invocation } = job;
    try {
      const answer = await coming;
      if (answer.kind === 'result') return this.#answer(invocation, FRAME_KINDS.result, answer.payload);
      await pumpChunks(answer, invocation, this.#outbox);
      this.#answer(invocation, FRAME_KINDS.end, EMPTY);
    } catch (thrown) {
      this.#answer(invocation, FRAME_KINDS.failure, encodeFailure(job, thrown));
    }
  }

  #answer(invocation: Invocation, kind: FrameKind, content: Uint8Array): void {
    const { runMs } = invocation;
    invocation.finish();
    this.#calls.delete(invocation.call);
    this.#role?.nested.endAll(invocation);
    this.logs.endOf(invocation);
    this.#post(invocation.call, kind, runMs, content);
    this.#onCallsInside(this.#calls.size);
  }

  #cancel(frame: Frame): void {
    const invocation = this.#calls.get(frame.call);
    if (!invocation) return;
    invocation.cancel(decodeMeta<CancelMeta>(frame.meta));
    if (invocation.cancelled) this.#role?.nested.endAll(invocation);
  }

  #post(call: number, kind: FrameKind, runMs: number, content: Uint8Array): void {
    const isFailure = kind === FRAME_KINDS.failure;
    const meta = isFailure ? content : EMPTY;
    const payload = isFailure ? EMPTY : content;
    // Encoded for this frame, and for nobody else.
    this.#outbox.post({ kind, port: 0, call, argument: runMs, meta, payload, isGiven: true });
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
