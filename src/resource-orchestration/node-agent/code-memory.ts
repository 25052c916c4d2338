/**
 * The code of the functions that were last started in threads, in shared memory: a thread that is handed it reads no file, checks no sum
 * and decodes nothing but the text.
 *
 * Bounded in bytes; what was used longest ago goes. It reads ahead, when nobody waits: the start that makes it read is served from the
 * files. An artifact never changes, but for its code cache, which is read again until it is the one made after use.
 */
import { readFile } from 'node:fs/promises';
import { cacheFileFor, decodeCacheFile } from '../../transport/code-cache-file.ts';
import type { InstanceImage, ScriptCode } from '../../transport/instance-control.ts';
import { hasHashbang, wrapScript } from '../../transport/wrapped-script.ts';

const MIB = 1_048_576;
/** Eighteen functions as large as lodash, zod and yaml together. */
const MAX_BYTES = 32 * MIB;

export class CodeMemory {
  readonly #codes = new Map<string, ScriptCode>();
  readonly #reading = new Set<string>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The image with its code, where that is here. */
  complete(image: InstanceImage): InstanceImage {
    const { entry, filename = entry, format, codeCache } = image;
    if (format !== 'script' || codeCache !== 'use' || filename !== entry) return image;
    const code = this.#codes.get(entry);
    if (!code) return image;
    this.#codes.delete(entry);
    this.#codes.set(entry, code);
    return { ...image, code };
  }

  /** Reads the code of an image for those that come after it. Never rejects: without it, they read for themselves. */
  async remember({ entry, filename = entry, format, codeCache }: InstanceImage): Promise<void> {
    const isOfUse = format === 'script' && codeCache === 'use' && filename === entry;
    if (!isOfUse || this.#codes.has(entry) || this.#reading.has(entry)) return;
    this.#reading.add(entry);
    try {
      const [source, file] = await Promise.all([readFile(entry), readFile(cacheFileFor(entry))]);
      const cache = decodeCacheFile(file, { entry, filename, source });
      if (cache?.stage === 'used' && !hasHashbang(source)) this.#keep(entry, source, cache.data);
    } catch {
      // There is no cache yet, or no artifact any more.
    } finally {
      this.#reading.delete(entry);
    }
  }

  #keep(entry: string, source: Buffer, data: Buffer): void {
    if (bytesOf(source, data) > this.#maxBytes / 4) return;
    const cache = sharedBuffer(data.byteLength);
    data.copy(cache);
    const code = { ...wrapScript(source, sharedBuffer), cache };
    this.#codes.set(entry, code);
    this.#bytes += bytesOf(code.text, cache);
    for (const [oldest, { text, cache: its }] of this.#codes) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#codes.delete(oldest);
      this.#bytes -= bytesOf(text, its);
    }
  }
}

function bytesOf(one: Uint8Array, other: Uint8Array): number {
  return one.byteLength + other.byteLength;
}

function sharedBuffer(bytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(bytes));
}
