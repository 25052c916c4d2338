/**
 * Calls back after `delayMs`, and not before what had come until then was read: if it was this process that stood still, its timers are
 * due ahead of its sockets. Two turns of the event loop: one accepts a connection, one reads from it.
 */
import type { CancelTimer, Clock } from '../../kernel/clock.ts';

export function afterReading(clock: Clock, delayMs: number, callback: () => void): CancelTimer {
  let isCancelled = false;
  const cancel = clock.after(delayMs, () => {
    setImmediate(() => setImmediate(() => isCancelled || callback()));
  });
  return () => {
    isCancelled = true;
    cancel();
  };
}
