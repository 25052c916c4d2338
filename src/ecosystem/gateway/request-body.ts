/**
 * Reads request bodies whole, within two bounds: the payload limit for each, and a limit on what all requests together hold.
 *
 * Invariants (numbers as in README.md):
 * 2. A body over the limit is refused as soon as that is known: by its declared length before a byte is read, else at the byte that passes it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TroupeError } from '../../errors.ts';

/** Bodies at the limit that may be in memory at a time. */
const BODIES_IN_MEMORY = 32;

const EMPTY_BODY = Buffer.alloc(0);

export class BodyReader {
  readonly #limitBytes: number;
  readonly #totalLimitBytes: number;
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#totalLimitBytes = limitBytes * BODIES_IN_MEMORY;
  }

  /** Throws `PAYLOAD_TOO_LARGE` when the body is declared to be. */
  checkDeclared({ headers }: IncomingMessage): void {
    if (Number(headers['content-length'] ?? 0) > this.#limitBytes) throw this.#tooLarge();
  }

  /** The body, when it has come already, and nobody has begun to read it; its declared length has been checked. Throws `PAYLOAD_TOO_LARGE`. */
  takeComplete(request: IncomingMessage): Buffer | undefined {
    if (!request.complete) return undefined;
    // Chunked bodies declare nothing.
    if (request.readableLength > this.#limitBytes) throw this.#tooLarge();
    // All that is buffered in one piece, and none of the machinery of a stream that flows.
    const body: Buffer | null = request.read();
    return body ?? EMPTY_BODY;
  }

  /** Rejects with `PAYLOAD_TOO_LARGE`, `OVERLOADED`, or `CANCELLED` when the client goes away first. */
  async read(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
    this.checkDeclared(request);
    if (request.headers.expect !== undefined) response.writeContinue();
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const settle = () => {
        request.off('data', onData).off('end', onEnd).off('close', onClose);
      };
      const fail = (error: TroupeError) => {
        settle();
        this.#heldBytes -= bytes;
        chunks.length = 0;
        reject(error);
      };
      const onData = (chunk: Buffer) => {
        bytes += chunk.length;
        this.#heldBytes += chunk.length;
        if (bytes > this.#limitBytes) fail(this.#tooLarge());
        else if (this.#heldBytes > this.#totalLimitBytes) fail(this.#tooMany());
        else chunks.push(chunk);
      };
      const onEnd = () => {
        settle();
        this.#heldBytes -= bytes;
        const [first = EMPTY_BODY] = chunks;
        resolve(chunks.length <= 1 ? first : Buffer.concat(chunks, bytes));
      };
      const onClose = () => fail(new TroupeError('CANCELLED', 'The client went away before its request was complete.'));
      request.on('data', onData).on('end', onEnd).on('close', onClose);
    });
  }

  #tooLarge(): TroupeError {
    return new TroupeError(
      'PAYLOAD_TOO_LARGE',
      `The body is over the limit of ${this.#limitBytes} bytes. Raise payloadLimitBytes, or pass a reference.`,
      { details: { limit: this.#limitBytes } },
    );
  }

  #tooMany(): TroupeError {
    return new TroupeError(
      'OVERLOADED',
      `The requests that are coming in hold ${this.#totalLimitBytes} bytes together, which is the limit. Try again later.`,
    );
  }
}
