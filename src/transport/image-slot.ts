/**
 * A place in shared memory for what an instance is to become: its facts as JSON, and behind them the code of its script. It is filled once,
 * by whoever started the instance, and emptied once, by the instance; a bell says when.
 *
 * A message on a port is written, posted, woken up for and read by parts of Node that nobody else uses just then. This is a copy.
 */
import type { InstanceImage, ScriptCode } from './instance-control.ts';
import { EMPTY } from './protocol.ts';

/** Larger code stands in shared memory of its own, and copying it would cost more than a message. */
export const SLOT_BYTES = 32_768;

/** Words of the head. The bytes of the facts: 0 while it is empty. Stored last and loaded first, by `Atomics`. */
const FACTS = 0;
const TEXT = 1;
const CACHE = 2;
const HEAD_WORDS = 4;
const HEAD_BYTES = HEAD_WORDS * Int32Array.BYTES_PER_ELEMENT;
const TAKEN = -1;

type CodeFacts = Omit<ScriptCode, 'text' | 'cache'>;
type Facts = Omit<InstanceImage, 'code'> & { readonly code?: CodeFacts };

export class ImageSlot {
  readonly #head: Int32Array;
  readonly #body: Buffer;

  /** `memory` has `SLOT_BYTES` from `offset` on. */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#head = new Int32Array(memory, offset, HEAD_WORDS);
    this.#body = Buffer.from(memory, offset + HEAD_BYTES, SLOT_BYTES - HEAD_BYTES);
  }

  /** False when it was filled before, or is too small: then nothing was written. */
  put(image: InstanceImage): boolean {
    const { code, ...rest } = image;
    const { text = EMPTY, cache = EMPTY, ...codeFacts } = code ?? {};
    const codeBytes = text.byteLength + cache.byteLength;
    if (codeBytes > this.#body.byteLength || Atomics.load(this.#head, FACTS) !== 0) return false;
    const facts: Facts = code ? { ...rest, code: codeFacts as CodeFacts } : rest;
    const json = JSON.stringify(facts);
    const textAt = Buffer.byteLength(json);
    if (textAt + codeBytes > this.#body.byteLength) return false;
    this.#body.write(json);
    this.#body.set(text, textAt);
    this.#body.set(cache, textAt + text.byteLength);
    this.#head[TEXT] = text.byteLength;
    this.#head[CACHE] = cache.byteLength;
    Atomics.store(this.#head, FACTS, textAt);
    return true;
  }

  /** Undefined while nothing is there, and once it was taken. The code stays where it is. */
  take(): InstanceImage | undefined {
    const textAt = Atomics.load(this.#head, FACTS);
    if (textAt <= 0) return undefined;
    Atomics.store(this.#head, FACTS, TAKEN);
    const { code, ...rest }: Facts = JSON.parse(this.#body.toString('utf8', 0, textAt));
    if (!code) return rest;
    const cacheAt = textAt + (this.#head[TEXT] ?? 0);
    const text = this.#body.subarray(textAt, cacheAt);
    const cache = this.#body.subarray(cacheAt, cacheAt + (this.#head[CACHE] ?? 0));
    return { ...rest, code: { ...code, text, cache } };
  }
}
