/**
 * Bytes between threads and processes: the port that every driver implements, and the one frame that all of them carry. Types only,
 * but for the numbers that stand on the wire.
 *
 * A channel joins two ends. Frames arrive in the order of sending, whole or not at all, at most once. Nothing on the way looks inside
 * `meta` and `payload`.
 */
import type { TroupeError } from '../errors.ts';
import type { ResumedCall } from './peer-protocol.ts';

/** The version byte of every frame; a frame of another version ends its channel. */
export const FRAME_VERSION = 1;

/**
 * What a frame means. The number is the wire format: never reuse one.
 * Frames marked > go towards the instance, those marked < come from it, and both ways where nothing is said.
 */
export const FRAME_KINDS = {
  /** > A call. `call` is its number on this channel, `argument` its remaining time in ms, `meta` a `CallMeta`, `payload` the event. */
  invoke: 1,
  /** > The caller no longer waits for `call`. The instance aborts its signal and answers once more. `meta` is a `CancelMeta`. */
  cancel: 2,
  /** Grants `argument` more chunks of the stream `call`. */
  credit: 3,
  /** < The call returned. `argument` is its run time in ms, with a fraction; `payload` the result. */
  result: 4,
  /** < The call failed. `argument` as above, `meta` an encoded `SerializedError`. */
  failure: 5,
  /**
   * < One chunk of a streamed result. `meta` is a `StreamHead` on the first chunk of a response, else empty. In the mode `http` the
   * payload is the bytes of the body themselves, none on some first chunks; in the mode `stream` it is one encoded value.
   */
  chunk: 6,
  /** < The stream ended well. `argument` as in `result`. */
  end: 7,
  /** < The function calls another. `call` is the number of the nested call, `argument` what remains of the calling one in ms, `meta` a `NestedCallMeta`. */
  nestedInvoke: 8,
  /** > The answer to a nested call. */
  nestedResult: 9,
  /** > The failure of a nested call. `meta` is an encoded `SerializedError`. */
  nestedFailure: 10,
  /** < The function no longer waits for a nested call. */
  nestedCancel: 11,
  /** < One line of log. `meta` is a `LogLine`. */
  log: 12,
  /**
   * Control: `meta` is one message of the protocol that the two ends speak. `call` matches an answer to its question. Between processes that
   * is the agent's protocol, on the call channel of an instance it is `peer-protocol.ts`.
   */
  control: 13,
  /** The sender will send no more on this port and has closed it. `meta`, if any, is an encoded `SerializedError`. */
  close: 14,
  /**
   * < The instance has its function. Calls that were sent before are held until then, and begin behind it. `argument` is how long loading
   * took by the clock of the instance, in ms.
   */
  ready: 15,
  /** < The function says that the call goes on. May be dropped. */
  heartbeat: 16,
} as const;

export type FrameKind = (typeof FRAME_KINDS)[keyof typeof FRAME_KINDS];

export interface Frame {
  readonly kind: FrameKind;
  /** Which of the channels that share one pipe; 0 where there is only one. Unsigned 32 bits. */
  readonly port: number;
  /** Matches an answer to its question. Unsigned 32 bits. */
  readonly call: number;
  /** One number whose meaning depends on the kind; a 64-bit float on the wire. */
  readonly argument: number;
  /** Encoded facts about the payload; empty where there are none. */
  readonly meta: Uint8Array;
  /** What the user's side encoded; empty where there is none. */
  readonly payload: Uint8Array;
  /**
   * The sender gives the payload away: once the frame was sent, nobody reads or writes its ArrayBuffer any more, all of which it has. A
   * channel may then transfer it instead of copying it, which leaves it empty here. Says nothing on the receiving side.
   */
  readonly isGiven?: boolean;
}

/** Whether the frame ends a call, seen from the instance. */
export function isAnswer(kind: FrameKind): boolean {
  return kind === FRAME_KINDS.result || kind === FRAME_KINDS.failure || kind === FRAME_KINDS.end;
}

export const EMPTY: Uint8Array = new Uint8Array(0);

export type SendOutcome = 'sent' | 'full' | 'closed' | 'too-large';

/**
 * One end of a duplex connection. Every driver passes the same conformance suite.
 *
 * `send` never throws and never blocks. 'full' means that more than the high-water mark is waiting and this frame was *not* taken:
 * the sender waits for `onWritable`, or fails its call. A channel closes once, with the reason; frames that arrived before are
 * delivered first, and nothing is delivered after.
 */
export interface Channel {
  send(frame: Frame): SendOutcome;
  /** There is exactly one receiver; frames that come before it is set are kept for it. */
  onFrame(receive: (frame: Frame) => void): void;
  /** Called once; at once when the channel is closed already. `error` is absent after an orderly close by either end. */
  onClose(closed: (error?: TroupeError) => void): void;
  /** Called each time that a channel which answered 'full' takes frames again. */
  onWritable(writable: () => void): void;
  /** Flushes what was sent, then closes; with an error the other end sees a broken channel. */
  close(error?: TroupeError): void;
  readonly isClosed: boolean;
  /** A hint to who waits for this end: it waits for others itself, so that spinning for it is in vain. Nothing where nobody spins. */
  setAway?(isAway: boolean): void;
  /** Keeps the process alive while open, or not; a new channel does not. */
  ref(): void;
  unref(): void;
}

/** How a call is answered. */
export type ResponseMode = 'value' | 'stream' | 'http';

/** Travels with every `invoke` frame, encoded by `call-meta.ts`: it is on the warm path. */
export interface CallMeta {
  /** The invocation id. */
  readonly id: string;
  readonly mode: ResponseMode;
  /** Starts at 1; above it when the call is being retried after a crash. */
  readonly attempt: number;
  /** How many functions stand above this one in the chain of calls; 0 when called from outside. */
  readonly depth: number;
  readonly key?: string;
}

export interface CancelMeta {
  readonly reason: 'timeout' | 'cancelled';
}

export interface NestedCallMeta {
  readonly name: string;
  /** The number of the call on this channel during which it was made. */
  readonly parentCall: number;
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
  /** The depth of the calling invocation, where the host does not know it: it came from another instance. */
  readonly parentDepth?: number;
  readonly resumed?: ResumedCall;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  /** Milliseconds since the Unix epoch, by the clock of the instance. */
  readonly wallMs: number;
  /** The invocation during which it was written; absent outside of any. */
  readonly invocationId?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** The head of an HTTP response, on its first chunk. */
export interface StreamHead {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
}

/** What the handler of a web-standard function is given, and what the gateway encodes. */
export interface HttpEvent {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}
