/** The last frame on a port: says goodbye, or why the channel is broken. */
import { deserializeError, serializeError, TroupeError } from '../errors.ts';
import { decodeMeta, encodeMeta } from './codec.ts';
import { EMPTY, FRAME_KINDS, type Frame } from './protocol.ts';

export function closeFrame(port: number, error?: TroupeError): Frame {
  return { kind: FRAME_KINDS.close, port, call: 0, argument: 0, meta: encodeReason(error), payload: EMPTY };
}

/** Whether the frame closes the channel itself; of another port, it closes one of those that share the channel. */
export function closesChannel(frame: Frame): boolean {
  return frame.kind === FRAME_KINDS.close && frame.port === 0;
}

/** The reason in a `close` frame; `undefined` after an orderly close. */
export function closeReason(frame: Frame): TroupeError | undefined {
  if (frame.meta.length === 0) return undefined;
  try {
    const error = deserializeError(decodeMeta(frame.meta));
    if (error instanceof TroupeError) return error;
    return new TroupeError('CHANNEL_CLOSED', error.message, { cause: error });
  } catch (cause) {
    return new TroupeError('FRAME_INVALID', 'The other end closed the channel with a reason that cannot be read.', {
      cause,
    });
  }
}

/** Without any word from the other end: its thread or process has ended. */
export function vanishedError(cause?: unknown): TroupeError {
  return new TroupeError('CHANNEL_CLOSED', 'The other end of the channel went away without closing it.', { cause });
}

function encodeReason(error: TroupeError | undefined): Uint8Array {
  if (!error) return EMPTY;
  const serialized = serializeError(error);
  try {
    return encodeMeta(serialized);
  } catch {
    // Details are meant to be plain data, but come from anywhere; the code and the message must arrive in any case.
    const { name, message } = serialized;
    return encodeMeta({ name, message, code: error.code });
  }
}
