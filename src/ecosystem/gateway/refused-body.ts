/**
 * What to do with a request body that nobody wants. A connection that is closed while its client still sends is reset, and the client
 * never sees why; so the rest is read and thrown away, for as long and as much as a client may be granted.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../kernel/clock.ts';

const DISCARD_LIMIT_BYTES = 67_108_864;
const DISCARD_TIMEOUT_MS = 10_000;

export function discardRest(request: IncomingMessage, clock: Clock): void {
  if (request.complete || request.destroyed) return;
  let bytes = 0;
  const cancel = clock.after(DISCARD_TIMEOUT_MS, () => request.destroy());
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DISCARD_LIMIT_BYTES) request.destroy();
  });
  request.once('close', cancel);
  request.resume();
}
