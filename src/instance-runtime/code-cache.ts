/**
 * V8's code cache of a script, in a file beside it (`transport/code-cache-file.ts`): with it, the functions that it holds are not compiled
 * again. Reading and writing it costs an instance no call: what goes wrong is ignored.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Script } from 'node:vm';
import { threadId } from 'node:worker_threads';
import {
  cacheFileFor,
  decodeCacheFile,
  encodeCacheFile,
  type FoundCache,
  type NamedSource,
} from '../transport/code-cache-file.ts';

/** Reading more takes longer than it saves. */
const MAX_BYTES = 64 * 1_048_576;
/** An instance that has been without calls for this long may take the milliseconds that making a cache costs. */
const IDLE_MS = 100;

/** Undefined when there is none for exactly this source under this name, or when it is damaged. */
export function readCodeCache(script: NamedSource): FoundCache | undefined {
  let file: Buffer;
  try {
    file = readFileSync(cacheFileFor(script.entry));
  } catch {
    return undefined;
  }
  return decodeCacheFile(file, script);
}

/** Replaces the file in one step. Where it cannot be written there is none. */
export function writeCodeCache(script: NamedSource, made: FoundCache): void {
  if (made.data.byteLength > MAX_BYTES) return;
  const file = cacheFileFor(script.entry);
  const unfinished = `${file}.${process.pid}-${threadId}`;
  try {
    writeFileSync(unfinished, encodeCacheFile(made, script));
    renameSync(unfinished, file);
  } catch {
    rmSync(unfinished, { force: true });
  }
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
