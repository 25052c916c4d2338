/** Answers what is no HTTP, too long, or too slow: there is a socket then, but no request. */
import type { Duplex } from 'node:stream';

const STATUS_OF: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Once any answer has begun on this connection, another head would be read as part of it.
  const hasBegun = 'bytesWritten' in socket && socket.bytesWritten !== 0;
  if (error.code === 'ECONNRESET' || !socket.writable || hasBegun) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF[error.code ?? ''] ?? '400 Bad Request';
  const message = `The request is not HTTP that this gateway takes (${status.slice(4)}).`;
  const body = JSON.stringify({ error: { code: 'INVALID_ARGUMENT', message, details: {}, retryable: false } });
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\n\r\n${body}`);
}
