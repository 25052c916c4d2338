/**
 * The file that holds V8's code cache of a script, beside the script: written and read by instances, and read ahead by their agent.
 *
 * It is a hint and never more. V8 itself takes a cache for another source of equal length, and one with a flipped bit, so the file names
 * the source it was made from and carries a checksum; what does not fit is ignored. Its name holds V8's version tag, which also stands for
 * flags and CPU: after a change of Node there is no cache, and the next instance makes one.
 *
 * A cache holds the functions that were compiled when it was made. One made after loading is `loaded`; after a first call it also has
 * what the handler needed, is `used`, and is not made again.
 */
import { dirname, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
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

export function cacheFileFor(entry: string): string {
  return join(dirname(entry), `cache-${cachedDataVersionTag()}.bin`);
}

/** Undefined when it is no cache for exactly this source under this name, or is damaged. */
export function decodeCacheFile(file: Buffer, script: NamedSource): FoundCache | undefined {
  if (file.byteLength < HEADER_BYTES) return undefined;
  const data = file.subarray(HEADER_BYTES);
  const stage = STAGES[file.readUInt32LE(8)];
  if (stage === undefined || !headerOf(stage, script, data).equals(file.subarray(0, HEADER_BYTES))) return undefined;
  return { data, stage };
}

export function encodeCacheFile({ stage, data }: FoundCache, script: NamedSource): Buffer {
  return Buffer.concat([headerOf(stage, script, data), data]);
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
