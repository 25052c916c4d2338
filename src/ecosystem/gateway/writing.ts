/**
 * Writes with back-pressure.
 *
 * Invariants (numbers as in README.md):
 * 4. A reader that is slower than what it reads holds back its source: nothing more is taken while the socket has enough.
 */
import type { ServerResponse } from 'node:http';

/** Resolves once the response takes more; false when it will not, because the client has gone. */
export function write(response: ServerResponse, chunk: string | Uint8Array): Promise<boolean> | boolean {
  if (response.destroyed) return false;
  return response.write(chunk) || drained(response);
}

function drained(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle).off('close', settle);
      resolve(!response.destroyed);
    };
    response.on('drain', settle).on('close', settle);
  });
}

/** Sends the head by itself when the body lets itself be waited for; joined with the first bytes of the body it costs no packet. */
export function flushHeadSoon(response: ServerResponse): void {
  setImmediate(() => {
    if (!response.destroyed && !response.writableEnded) response.flushHeaders();
  });
}
