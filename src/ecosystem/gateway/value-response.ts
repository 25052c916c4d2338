/** A result as the body of an answer: bytes as they are, MessagePack when that alone is accepted, else JSON. */
import { encodePayload } from '../../transport/codec.ts';
import type { Exchange } from './exchange.ts';
import { toJsonText } from './json-text.ts';

export function sendValue(exchange: Exchange, value: unknown, headers: readonly string[]): void {
  if (value instanceof Uint8Array) {
    return exchange.send(200, [...headers, 'Content-Type', 'application/octet-stream'], value);
  }
  if (exchange.request.headers.accept === 'application/x-msgpack') {
    return exchange.send(200, [...headers, 'Content-Type', 'application/x-msgpack'], encodePayload(value));
  }
  exchange.send(200, [...headers, 'Content-Type', 'application/json'], toJsonText(value));
}
