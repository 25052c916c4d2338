/** The end of what a worker or an agent printed: the only trace of an abort. */
import type { Readable } from 'node:stream';

const KEPT_BYTES = 8_192;

export class OutputTail {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** Reads the stream to its end and keeps the last 8 KiB. */
  constructor(stream: Readable | null) {
    stream?.on('data', (chunk: Buffer | string) => this.#keep(Buffer.from(chunk)));
    stream?.on('error', () => {});
  }

  get text(): string {
    return Buffer.concat(this.#chunks).subarray(-KEPT_BYTES).toString('utf8');
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk.subarray(-KEPT_BYTES));
    this.#bytes += chunk.length;
    if (this.#bytes <= 2 * KEPT_BYTES) return;
    this.#chunks = [Buffer.concat(this.#chunks).subarray(-KEPT_BYTES)];
    this.#bytes = KEPT_BYTES;
  }
}
