/**
 * V8's code cache of a script, in a file beside it: with it, the functions that it holds are not compiled again.
 *
 * It is a hint and never more. V8 itself takes a cache for another source of equal length, and one with a flipped bit, so the file names
 * the source it was made from and carries a checksum; what does not fit is ignored. Its name holds V8's version tag, which also stands for
 * flags and CPU: after a change of Node there is no cache, and the next instance makes one.
 *
 * A cache holds the functions that were compiled when it was made. One made after loading is `loaded`; after a first call it also has
 * what the handler needed, is `used`, and is not made again.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import type { Script } from 'node:vm';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';

export type CacheStage = 'loaded' | 'used';

export interface NamedSource {
  /** Path of the script. */
  readonly entry: string;
  readonly source: Uint8Array;
  /** What V8 was told that the script is called. It stays in the cache: stacks and `import()` would speak of the old name. */
  readonly filename: string;
}

export interface FoundCache {
  readonly data: Buffer;
  readonly stage: CacheStage;
}

const MAGIC = 0x31434354;
const STAGES: readonly CacheStage[] = ['loaded', 'used'];
/** Seven little-endian words: magic, version tag, stage, length of the source, CRC of it and its name, length and CRC of the data. */
const HEADER_BYTES = 28;
/** Reading more takes longer than it saves. */
const MAX_BYTES = 64 * 1_048_576;
/** An instance that has been without calls for this long may take the milliseconds that making a cache costs. */
const IDLE_MS = 100;

export function cacheFileFor(entry: string): string {
  return join(dirname(entry), `cache-${cachedDataVersionTag()}.bin`);
}

/** Undefined when there is none for exactly this source under this name, or when it is damaged. */
export function readCodeCache(script: NamedSource): FoundCache | undefined {
  let file: Buffer;
  try {
    file = readFileSync(cacheFileFor(script.entry));
  } catch {
    return undefined;
  }
  if (file.byteLength < HEADER_BYTES) return undefined;
  const data = file.subarray(HEADER_BYTES);
  const stage = STAGES[file.readUInt32LE(8)];
  if (stage === undefined || !headerOf(stage, script, data).equals(file.subarray(0, HEADER_BYTES))) return undefined;
  return { data, stage };
}

/** Replaces the file in one step. Where it cannot be written there is none. */
export function writeCodeCache(script: NamedSource, made: FoundCache): void {
  if (made.data.byteLength > MAX_BYTES) return;
  const file = cacheFileFor(script.entry);
  const unfinished = `${file}.${process.pid}-${threadId}`;
  try {
    writeFileSync(unfinished, Buffer.concat([headerOf(made.stage, script, made.data), made.data]));
    renameSync(unfinished, file);
  } catch {
    rmSync(unfinished, { force: true });
  }
}

function headerOf(stage: CacheStage, { source, filename }: NamedSource, data: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const words = [
    MAGIC,
    cachedDataVersionTag(),
    STAGES.indexOf(stage),
    source.byteLength,
    crc32(filename, crc32(source)),
    data.byteLength,
    crc32(data),
  ];
  words.forEach((word, index) => {
    header.writeUInt32LE(word, index * 4);
  });
  return header;
}

/** A script that was loaded, and the means to make its cache. */
export interface CacheableScript extends NamedSource {
  readonly script: Script;
}

/** Makes the cache of a script once, when its instance has answered a call and is idle. Costs one timer until then. */
export class CacheAfterUse {
  #script: CacheableScript | undefined;
  #timer: NodeJS.Timeout | undefined;
  #inFlight = 0;

  constructor(script: CacheableScript) {
    this.#script = script;
  }

  /** To be called whenever a call enters or leaves. */
  callsInside(inFlight: number): void {
    this.#inFlight = inFlight;
    if (inFlight > 0 || !this.#script) return;
    this.#timer ??= setTimeout(() => this.#make(), IDLE_MS).unref();
  }

  #make(): void {
    this.#timer = undefined;
    if (this.#inFlight > 0 || !this.#script) return;
    const made = this.#script;
    this.#script = undefined;
    // Another instance of the same function may have been first.
    if (readCodeCache(made)?.stage === 'used') return;
    writeCodeCache(made, { data: made.script.createCachedData(), stage: 'used' });
  }
}
