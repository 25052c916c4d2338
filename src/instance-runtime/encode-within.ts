/** Encodes what leaves the instance, and names the fault in the terms of the call. */
import { TroupeError } from '../errors.ts';
import { encodePayload } from '../transport/codec.ts';
import { CodecError } from '../transport/codec-error.ts';
import { Refusal } from './refusal.ts';

interface EncodeWithinOptions {
  readonly limitBytes: number;
  readonly what: 'result' | 'payload';
  /** The function that returned it, or for which it is meant. */
  readonly of: string;
}

/** Throws `RESULT_NOT_ENCODABLE` or `RESULT_TOO_LARGE`, or for a payload the counterparts of these. */
export function encodeWithin(value: unknown, { limitBytes, what, of }: EncodeWithinOptions): Uint8Array {
  try {
    return encodePayload(value, { limitBytes });
  } catch (thrown) {
    if (thrown instanceof CodecError && thrown.reason === 'too-large') throw tooLarge({ limitBytes, what, of });
    const { message, path } = thrown instanceof CodecError ? thrown : { message: String(thrown), path: 'value' };
    const said = `The ${what} of "${of}" cannot be sent: ${message}`;
    throw what === 'result'
      ? new Refusal('RESULT_NOT_ENCODABLE', said, { details: { path } })
      : new TroupeError('PAYLOAD_NOT_ENCODABLE', said, { details: { path } });
  }
}

export function tooLarge({ limitBytes, what, of }: EncodeWithinOptions): TroupeError {
  const said = `The ${what} of "${of}" is over the limit of ${limitBytes} bytes.`;
  const details = { limitBytes };
  return what === 'result'
    ? new Refusal('RESULT_TOO_LARGE', `${said} Return less, or stream it with \`async function*\`.`, { details })
    : new TroupeError('PAYLOAD_TOO_LARGE', `${said} Send less, or a reference to it.`, { details });
}
