/**
 * The near end of an instance's call channel: turns calls into frames and frames into answers.
 *
 * Boundary: knows frames and calls, not functions or routing. Runs in the turn of the transport, so it only tells and settles.
 * Invariants (numbers as in README.md):
 * 1. Every call that `dispatch` took is told exactly one of `succeeded`, `failed`, `lost`.
 * 2. `callLeft` follows each answer, so that no slot is ever lost; a whole instance that is lost is reported once, not call by call.
 */
import { type SerializedError, TroupeError } from '../../errors.ts';
import { encodeCallMeta } from '../../transport/call-meta.ts';
import { CallTable } from '../../transport/call-table.ts';
import { decodeMeta, encodeMeta } from '../../transport/codec.ts';
import type { PeerCommand, PeerReport } from '../../transport/peer-protocol.ts';
import type { CancelMeta, Channel, Frame, LogLine, NestedCallMeta, StreamHead } from '../../transport/protocol.ts';
import { EMPTY, FRAME_KINDS } from '../../transport/protocol.ts';
import type { InstanceCall, InstanceLoss, InstanceObserver, LogOrigin, NestedCallHandle } from './protocol.ts';

export interface ConnectionOptions {
  readonly origin: LogOrigin;
  readonly channel: Channel;
  readonly observer: InstanceObserver;
  /** Maps positions in the bundle back to the source. */
  readonly mapError: (error: SerializedError) => SerializedError;
  /** The instance has its function; loading it took so long. Ahead of what it answers. */
  readonly onReady: (tookMs: number) => void;
  /** The channel closed; why exactly, the resource manager says. */
  readonly onClosed: () => void;
}

export class InstanceConnection {
  readonly #options: ConnectionOptions;
  readonly #calls = new CallTable<InstanceCall>();
  readonly #nested = new Map<number, NestedCallHandle>();
  /** What a full channel did not take: nobody would send it again, and the function would wait for it in vain. */
  #refused: Frame[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
    options.channel.onFrame((frame) => this.#receiveSafely(frame));
    options.channel.onWritable(() => this.#sendRefused());
    options.channel.onClose(() => options.onClosed());
  }

  get isClosed(): boolean {
    return this.#options.channel.isClosed;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  /** False when the channel takes nothing now, or what must arrive before the call still waits. */
  dispatch(call: InstanceCall): boolean {
    if (this.#refused.length > 0) return false;
    const number = this.#calls.nextNumber();
    const { id, mode, attempt, depth, idempotencyKey: key } = call;
    const meta = encodeCallMeta(key === undefined ? { id, mode, attempt, depth } : { id, mode, attempt, depth, key });
    const outcome = this.#options.channel.send({
      kind: FRAME_KINDS.invoke,
      port: 0,
      call: number,
      argument: call.remainingMs(),
      meta,
      payload: call.payload,
      isGiven: call.givesPayload === true,
    });
    if (outcome !== 'sent') return false;
    this.#calls.add(number, call);
    return true;
  }

  cancel(call: InstanceCall, reason: CancelMeta['reason']): void {
    const number = this.#numberOf(call);
    if (number !== undefined) this.#tell(FRAME_KINDS.cancel, number, 0, encodeMeta({ reason } satisfies CancelMeta));
  }

  grant(call: InstanceCall, chunks: number): void {
    const number = this.#numberOf(call);
    if (number !== undefined) this.#tell(FRAME_KINDS.credit, number, chunks);
  }

  tellPeer(command: PeerCommand): void {
    this.#tell(FRAME_KINDS.control, 0, 0, encodeMeta(command));
  }

  /** Ends every call inside with the loss, and takes no more. */
  abandon(loss: InstanceLoss): void {
    const calls = this.#calls.clear();
    for (const nested of this.#nested.values()) nested.cancel();
    this.#nested.clear();
    this.#refused = [];
    this.#options.channel.close();
    for (const call of calls) call.lost(loss);
  }

  /** An instance that sends what cannot be read is given up; thrown in the turn of the transport, it would take the host down. */
  #receiveSafely(frame: Frame): void {
    try {
      this.#receive(frame);
    } catch (thrown) {
      this.#options.channel.close(
        new TroupeError('FRAME_INVALID', 'The instance sent a frame that cannot be read.', { cause: thrown }),
      );
    }
  }

  #receive(frame: Frame): void {
    switch (frame.kind) {
      case FRAME_KINDS.result:
      case FRAME_KINDS.end:
      case FRAME_KINDS.failure:
        this.#answered(frame);
        break;
      case FRAME_KINDS.chunk:
        this.#calls
          .get(frame.call)
          ?.chunk(frame.payload, frame.meta.length > 0 ? (decodeMeta(frame.meta) as StreamHead) : undefined);
        break;
      case FRAME_KINDS.heartbeat:
        this.#calls.get(frame.call)?.alive(frame.payload.length === 0 ? undefined : frame.payload);
        break;
      case FRAME_KINDS.nestedInvoke:
        this.#beginNested(frame);
        break;
      case FRAME_KINDS.nestedCancel:
        this.#nested.get(frame.call)?.cancel();
        break;
      case FRAME_KINDS.control: {
        const { observer, origin } = this.#options;
        observer.peerReport?.(origin.instanceId, decodeMeta(frame.meta) as PeerReport, frame.payload);
        break;
      }
      case FRAME_KINDS.ready:
        this.#options.onReady(frame.argument);
        break;
      case FRAME_KINDS.log:
        this.#options.observer.log(this.#options.origin, decodeMeta(frame.meta) as LogLine);
        break;
      default:
        // Frames that only ever go towards an instance say nothing when they come from one.
        break;
    }
  }

  /** Undefined when the call is not, or no longer, inside. */
  #numberOf(call: InstanceCall): number | undefined {
    const { channelNumber: number } = call;
    return number !== undefined && this.#calls.get(number) === call ? number : undefined;
  }

  /**
   * The caller is told first: if it calls again at once, the router learns of both in one turn, and of the free slot ahead of the call
   * (router, invariant 5).
   */
  #answered({ kind, call: number, argument, meta, payload }: Frame): void {
    const call = this.#calls.get(number);
    if (!call) return;
    const error =
      kind === FRAME_KINDS.failure ? this.#options.mapError(decodeMeta(meta) as SerializedError) : undefined;
    this.#calls.delete(number);
    if (error) call.failed(error, argument);
    else call.succeeded(payload, argument);
    this.#options.observer.callLeft(this.#options.origin.instanceId, call);
  }

  #beginNested(frame: Frame): void {
    const meta = decodeMeta(frame.meta) as NestedCallMeta;
    const number = frame.call;
    const { parentDepth: depth } = meta;
    const parent =
      depth === undefined ? this.#calls.get(meta.parentCall) : { depth, remainingMs: () => frame.argument };
    if (!parent) return;
    let isAnswered = false;
    const answer = (kind: Frame['kind'], answerMeta: Uint8Array, payload: Uint8Array) => {
      isAnswered = true;
      this.#nested.delete(number);
      this.#tell(kind, number, 0, answerMeta, payload);
    };
    const handle = this.#options.observer.nestedCall(parent, meta, frame.payload, {
      from: { instanceId: this.#options.origin.instanceId, call: number },
      succeeded: (payload) => answer(FRAME_KINDS.nestedResult, EMPTY, payload),
      failed: (error) => answer(FRAME_KINDS.nestedFailure, encodeMeta(error), EMPTY),
    });
    // A call that is refused is answered before there is a handle.
    if (!isAnswered) this.#nested.set(number, handle);
  }

  /** Sends what must arrive, in order, as soon as the channel takes it. */
  #tell(kind: Frame['kind'], call: number, argument: number, meta: Uint8Array = EMPTY, payload: Uint8Array = EMPTY) {
    this.#refused.push({ kind, port: 0, call, argument, meta, payload });
    if (this.#refused.length === 1) this.#sendRefused();
  }

  #sendRefused(): void {
    for (let frame = this.#refused[0]; frame; frame = this.#refused[0]) {
      if (this.#options.channel.send(frame) === 'full') return;
      this.#refused.shift();
    }
  }
}
