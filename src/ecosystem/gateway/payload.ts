/** The body of an invocation as the payload that the function gets, by its content type. Pure. */
import { isUtf8 } from 'node:buffer';
import { TroupeError } from '../../errors.ts';
import { decodePayload } from '../../transport/codec.ts';
import { CodecError } from '../../transport/codec-error.ts';
import { parseJson } from './json-fault.ts';

const MSGPACK = /^application\/(?:x-|vnd\.)?msgpack$/;
/** The second is what `curl -d` says of everything. */
const JSON_TYPE = /^application\/(?:json|x-www-form-urlencoded|[^;]+\+json)$/;

/**
 * JSON (also when no type is given), text, MessagePack; any other type is bytes. No body is `undefined`. Throws `INVALID_JSON` or
 * `INVALID_ARGUMENT`.
 */
export function decodeBody(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0) return undefined;
  if (contentType === undefined || contentType === 'application/json') return parseJson(utf8(body));
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const essence = type.trim();
  if (essence === '' || JSON_TYPE.test(essence)) return parseJson(utf8(body));
  if (essence.startsWith('text/')) return decodeText(body, parameters);
  if (MSGPACK.test(essence)) return decodeMsgpack(body);
  return new Uint8Array(body.buffer, body.byteOffset, body.length);
}

function utf8(body: Buffer): string {
  if (!isUtf8(body)) throw new TroupeError('INVALID_JSON', 'The body is not JSON: it is not UTF-8.');
  const text = body.toString('utf8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function decodeText(body: Buffer, parameters: readonly string[]): string {
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/.exec(parameter)?.[1])
    .find((label) => label !== undefined);
  if (charset === undefined || charset === 'utf-8') return body.toString('utf8');
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    throw new TroupeError('INVALID_ARGUMENT', `The charset "${charset}" of the body is not known: use UTF-8.`);
  }
}

function decodeMsgpack(body: Buffer): unknown {
  try {
    return decodePayload(body);
  } catch (thrown) {
    if (!(thrown instanceof CodecError)) throw thrown;
    throw new TroupeError('INVALID_ARGUMENT', `The body is not MessagePack: ${thrown.message}`, { cause: thrown });
  }
}
