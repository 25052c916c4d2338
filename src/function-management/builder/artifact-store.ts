/**
 * Artifacts on disk: `<directory>/<hash>/` with the entry, its source map and `manifest.json`. Instances keep V8's code cache beside them.
 *
 * Invariants (numbers as in README.md):
 * 1. A directory named after a hash is complete: it is written elsewhere, flushed, and renamed into place in one step.
 * 2. An artifact is never served unless its files still have its hash.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TroupeError } from '../../errors.ts';
import type { Artifact, FunctionManifest } from './protocol.ts';

const MANIFEST = 'manifest.json';
const HASH = /^[0-9a-f]{64}$/;

export interface ArtifactContent {
  readonly format: Artifact['format'];
  readonly code: Uint8Array;
  readonly sourceMap?: Uint8Array;
  /** Name of the directory with the packages that the entry refers to, where the builder installed any. */
  readonly dependencies?: string;
}

export interface StoredArtifact {
  readonly artifact: Artifact;
  readonly manifest: FunctionManifest;
}

const descriptionSchema = z.object({
  format: z.enum(['script', 'module', 'exec']),
  toolchain: z.string(),
  dependencies: z.string().optional(),
  hasSourceMap: z.boolean(),
  manifest: z.object({
    shape: z.enum(['value', 'stream', 'fetch', 'exec']),
    config: z.record(z.string(), z.unknown()),
  }),
});

type Description = z.output<typeof descriptionSchema>;

const ENTRY_NAMES = { script: 'function.cjs', module: 'function.mjs', exec: 'executable' } as const;

/** Written by the instances that load the artifact: no part of its content, and checked by whoever reads it. */
const CODE_CACHE = /^cache-\d+\.bin$/;

/** Never the same path twice in one process, also when a builder is started anew over the same directory. */
let temporaryPaths = 0;

export class ArtifactStore {
  readonly #directory: string;
  readonly #temporary: string;
  readonly #toolchain: string;
  #commits: Promise<unknown> = Promise.resolve();

  /** `toolchain` names what a manifest depends on beside the artifact; one of another toolchain is not believed. */
  constructor(directory: string, toolchain: string) {
    this.#directory = directory;
    this.#temporary = join(directory, '.building');
    this.#toolchain = toolchain;
  }

  /** Removes what a crash left half done. Nothing may be building in the directory. */
  async open(): Promise<void> {
    await rm(this.#temporary, { recursive: true, force: true });
    await mkdir(this.#temporary, { recursive: true });
  }

  /** A fresh path for something that is not finished; same file system as the artifacts. */
  temporaryPath(): string {
    return join(this.#temporary, String(++temporaryPaths));
  }

  /** Undefined when there is no such artifact, or when it is damaged or from another toolchain. */
  async find(hash: string): Promise<StoredArtifact | undefined> {
    const found = await readArtifact(this.#directory, hash);
    return found?.toolchain === this.#toolchain ? found.stored : undefined;
  }

  /** Writes the files to a temporary directory, which the artifact returned names. */
  async stage(content: ArtifactContent): Promise<Artifact> {
    const artifact = describe(hashOf(content), this.temporaryPath(), content);
    await mkdir(artifact.directory, { recursive: true });
    await writeFlushed(artifact.entry, content.code);
    if (content.format === 'exec') await chmod(artifact.entry, 0o755);
    if (artifact.sourceMap && content.sourceMap) await writeFlushed(artifact.sourceMap, content.sourceMap);
    const permanentEntry = join(this.#directory, artifact.hash, ENTRY_NAMES[content.format]);
    return { ...artifact, permanentEntry };
  }

  /** Makes a staged artifact permanent; on disk when it resolves. Throws `HANDLER_INVALID` when the manifest is not plain data. */
  async commit(staged: Artifact, content: ArtifactContent, manifest: FunctionManifest): Promise<StoredArtifact> {
    const turn = this.#commits.then(() => this.#commit(staged, content, manifest));
    // One at a time: two sources may have one outcome, and would replace each other's directory.
    this.#commits = turn.catch(() => undefined);
    return await turn;
  }

  async #commit(staged: Artifact, content: ArtifactContent, manifest: FunctionManifest): Promise<StoredArtifact> {
    const description: Description = {
      format: staged.format,
      toolchain: this.#toolchain,
      hasSourceMap: staged.sourceMap !== undefined,
      ...(content.dependencies === undefined ? {} : { dependencies: content.dependencies }),
      manifest: { shape: manifest.shape, config: { ...manifest.config } },
    };
    const directory = join(this.#directory, staged.hash);
    await writeFlushed(join(staged.directory, MANIFEST), toJson(description));
    await flushDirectory(staged.directory);
    if (await readArtifact(this.#directory, staged.hash)) {
      // Same files, other toolchain: the manifest is new, and the code cache; at no moment is the artifact gone for those who use it.
      await this.#replaceCodeCaches(staged.directory, directory);
      await rename(join(staged.directory, MANIFEST), join(directory, MANIFEST));
      await this.discard(staged.directory);
    } else {
      await rename(directory, this.temporaryPath()).catch(ignoreMissing);
      await rename(staged.directory, directory);
    }
    await flushDirectory(directory);
    await flushDirectory(this.#directory);
    const found = await this.find(staged.hash);
    if (found) return found;
    throw new TroupeError('INTERNAL', `The artifact ${directory} cannot be read back after writing it.`);
  }

  /** Those of other versions of V8 are of no use any more. */
  async #replaceCodeCaches(from: string, to: string): Promise<void> {
    const caches = async (directory: string) => (await readdir(directory)).filter((name) => CODE_CACHE.test(name));
    for (const name of await caches(to)) await rm(join(to, name), { force: true });
    for (const name of await caches(from)) await rename(join(from, name), join(to, name));
  }

  async discard(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }

  /** Removes every artifact that is not in `kept`; each vanishes in one step. */
  async retain(
    kept: ReadonlySet<string>,
  ): Promise<{ readonly removed: number; readonly dependencies: ReadonlySet<string> }> {
    const dependencies = new Set<string>();
    let removed = 0;
    for (const name of await readdir(this.#directory)) {
      if (!HASH.test(name)) continue;
      if (kept.has(name)) {
        const used = await this.#dependenciesOf(name);
        if (used !== undefined) dependencies.add(used);
        continue;
      }
      const grave = this.temporaryPath();
      await rename(join(this.#directory, name), grave);
      await this.discard(grave);
      removed++;
    }
    return { removed, dependencies };
  }

  async #dependenciesOf(hash: string): Promise<string | undefined> {
    return (await readDescription(this.#directory, hash))?.dependencies;
  }
}

async function readDescription(directory: string, hash: string): Promise<Description | undefined> {
  try {
    return descriptionSchema.parse(JSON.parse(await readFile(join(directory, hash, MANIFEST), 'utf8')));
  } catch {
    return undefined;
  }
}

async function readArtifact(
  parent: string,
  hash: string,
): Promise<{ readonly toolchain: string; readonly stored: StoredArtifact } | undefined> {
  const description = await readDescription(parent, hash);
  if (!description) return undefined;
  const { format, hasSourceMap, manifest, toolchain } = description;
  const directory = join(parent, hash);
  try {
    const code = await readFile(join(directory, ENTRY_NAMES[format]));
    const sourceMap = hasSourceMap ? await readFile(join(directory, `${ENTRY_NAMES[format]}.map`)) : undefined;
    const content: ArtifactContent = { format, code, ...(sourceMap ? { sourceMap } : {}) };
    if (hashOf(content) !== hash) return undefined;
    // The config was the user's when it was written; the deployer checks it, as it did then.
    return {
      toolchain,
      stored: { artifact: describe(hash, directory, content), manifest: manifest as FunctionManifest },
    };
  } catch {
    return undefined;
  }
}

/** Whether it is there, and its files have its hash. */
export async function isArtifactSound(directory: string, hash: string): Promise<boolean> {
  return (await readArtifact(directory, hash)) !== undefined;
}

export function hashOf({ format, code, sourceMap }: ArtifactContent): string {
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const parts = [format, digest(code), sourceMap ? digest(sourceMap) : ''];
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

function describe(hash: string, directory: string, { format, code, sourceMap }: ArtifactContent): Artifact {
  const entry = join(directory, ENTRY_NAMES[format]);
  const artifact = { hash, directory, format, entry, bytes: code.byteLength };
  return sourceMap ? { ...artifact, sourceMap: `${entry}.map` } : artifact;
}

function toJson(value: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (cause) {
    const message = 'The `config` that the function exports must be plain data: numbers, strings, booleans, objects.';
    throw new TroupeError('HANDLER_INVALID', message, { cause });
  }
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(path, bytes, { flush: true, flag: 'wx' });
}

/** A rename is on disk only once its directory is. */
async function flushDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
