/**
 * Tells calls that their client has gone.
 *
 * Invariants (numbers as in README.md):
 * 3. A client that goes away cancels its call.
 */
import type { Socket } from 'node:net';

const signals = new WeakMap<Socket, AbortSignal>();

/** Aborted once the connection has closed. One for all requests of a connection: to make one costs more than a small call. */
export function disconnectSignal(socket: Socket): AbortSignal {
  const known = signals.get(socket);
  if (known) return known;
  const controller = new AbortController();
  if (socket.destroyed) controller.abort();
  else socket.once('close', () => controller.abort());
  signals.set(socket, controller.signal);
  return controller.signal;
}
