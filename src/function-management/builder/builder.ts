/**
 * F2, the function builder: an actor that turns source into artifacts.
 *
 * It answers with data: whatever is wrong with a source is a refused outcome, and leaves nothing behind that a later build would see.
 * Invariants (numbers as in README.md):
 * 3. Unchanged source is recognised without building or loading it.
 * 4. One build per source at a time, a bounded number at once, and a bounded number waiting; `#share`.
 * 6. A refused build leaves no artifact and no record: both are written after the artifact has been loaded.
 * 7. Garbage collection removes nothing that a build is about to answer with: builds claim their artifact first.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { deserializeError, type SerializedError, serializeError, TroupeError, toTroupeError } from '../../errors.ts';
import { later } from '../../kernel/actor-system.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ActorDefinition } from '../../kernel/protocol.ts';
import { type ArtifactContent, ArtifactStore, hashOf, type StoredArtifact } from './artifact-store.ts';
import { BuildRecords, type BuildTrace } from './build-record.ts';
import { bundle } from './bundle.ts';
import { DependencyInstaller } from './dependencies.ts';
import { acquireEsbuild, type EsbuildService } from './esbuild-service.ts';
import { readExecutable } from './executable.ts';
import { NativePackages } from './native-packages.ts';
import type { Artifact, BuilderMessages, BuildOutcome, BuildRequest, FunctionManifest, Inspect } from './protocol.ts';
import { Slots } from './slots.ts';
import { type LocatedSource, locateSource, sourceKey } from './source.ts';

export interface BuilderLimits {
  /** Builds at once. 2: bundling and `npm ci` use several cores each. */
  readonly maxConcurrentBuilds: number;
  /** Builds that may wait; one more is refused with `OVERLOADED`. */
  readonly maxWaitingBuilds: number;
  /** How long `npm ci` may take. 2 min: a large tree over a slow line. */
  readonly installTimeoutMs: number;
  /** Largest source file, executable and bundle. 64 MiB: a script beyond takes seconds to parse. */
  readonly maxSourceBytes: number;
}

const DEFAULT_BUILDER_LIMITS: BuilderLimits = {
  maxConcurrentBuilds: 2,
  maxWaitingBuilds: 1_000,
  installTimeoutMs: 120_000,
  maxSourceBytes: 64 * 1_048_576,
};

export interface BuilderOptions {
  /** Created when missing. Belongs to this builder alone. */
  readonly artifactsDirectory: string;
  readonly inspect: Inspect;
  readonly clock: Clock;
  readonly limits?: Partial<BuilderLimits>;
  /** While it says so, nothing is deleted: the next collection finds what this one leaves. */
  readonly isGarbageKept?: () => boolean;
  /** Rewrites the stack of an error from an artifact's entry, by its source map, to speak of the source. */
  readonly mapStack?: (stack: string, entry: string, sourceMap: string) => string;
}

export function builderActor(options: BuilderOptions): ActorDefinition<BuilderMessages> {
  return {
    name: 'builder',
    start: async (context) => {
      const builder = new Builder(options);
      context.onStop(() => builder.stop());
      await builder.open();
      return {
        build: (request) => later(builder.build(request)),
        collectGarbage: ({ keep }) => later(onDisk(() => builder.collectGarbage(keep))),
      };
    },
  };
}

interface Built {
  readonly stored: StoredArtifact;
  readonly reused: boolean;
}

interface Made {
  readonly content: ArtifactContent;
  readonly trace: BuildTrace;
}

class Builder {
  readonly #inspect: Inspect;
  readonly #mapStack: BuilderOptions['mapStack'];
  readonly #isGarbageKept: () => boolean;
  readonly #clock: Clock;
  readonly #limits: BuilderLimits;
  readonly #store: ArtifactStore;
  readonly #records: BuildRecords;
  readonly #installer: DependencyInstaller;
  readonly #natives = new NativePackages();
  readonly #slots: Slots;
  /** Held while garbage is collected, and for the moment in which a build claims an artifact. */
  readonly #claims = new Slots(1, Number.POSITIVE_INFINITY, 'claims');
  readonly #running = new Map<string, Promise<Built>>();
  /** How many builds use an artifact at this moment, by hash. */
  readonly #claimed = new Map<string, number>();
  readonly #esbuild: EsbuildService;

  constructor({ artifactsDirectory, inspect, clock, limits, mapStack, isGarbageKept }: BuilderOptions) {
    const tools = toolchain();
    this.#inspect = inspect;
    this.#mapStack = mapStack;
    this.#isGarbageKept = isGarbageKept ?? (() => false);
    this.#clock = clock;
    this.#esbuild = acquireEsbuild(clock);
    this.#limits = { ...DEFAULT_BUILDER_LIMITS, ...limits };
    this.#slots = new Slots(this.#limits.maxConcurrentBuilds, this.#limits.maxWaitingBuilds, 'builds');
    const store = new ArtifactStore(artifactsDirectory, tools);
    this.#store = store;
    this.#records = new BuildRecords(join(artifactsDirectory, '.records'), tools, () => clock.wallMs());
    this.#installer = new DependencyInstaller({
      directory: join(artifactsDirectory, '.dependencies'),
      temporaryPath: () => store.temporaryPath(),
      clock,
      timeoutMs: this.#limits.installTimeoutMs,
    });
  }

  /** Throws `DATA_DIR_UNUSABLE`. */
  async open(): Promise<void> {
    try {
      await this.#store.open();
    } catch (cause) {
      const message = `The directory for function code cannot be used: ${(cause as Error).message}.`;
      throw new TroupeError('DATA_DIR_UNUSABLE', message, { cause });
    }
  }

  /** Builds inside finish, but for installations, which may take minutes. */
  async stop(): Promise<void> {
    this.#slots.close();
    this.#installer.stop();
    await Promise.allSettled(this.#running.values());
    await this.#esbuild.release();
  }

  /** Never rejects. */
  async build(request: BuildRequest): Promise<BuildOutcome> {
    const startedMs = this.#clock.nowMs();
    try {
      const source = await locateSource(request, this.#limits.maxSourceBytes);
      const { stored, reused } = await this.#share(sourceKey(source), source, request.env);
      return { kind: 'built', ...stored, reused, durationMs: this.#clock.nowMs() - startedMs };
    } catch (thrown) {
      return { kind: 'refused', error: serializeError(toTroupeError(thrown)) };
    }
  }

  async collectGarbage(keep: readonly string[]): Promise<{ readonly removed: number }> {
    return await this.#claims.run(async () => {
      if (this.#isGarbageKept()) return { removed: 0 };
      const kept = new Set([...keep, ...this.#claimed.keys()]);
      const { removed, dependencies } = await this.#store.retain(kept);
      await this.#records.retain(kept);
      // A build that runs may have installed packages for an artifact that is not there yet.
      if (this.#slots.active === 0) await this.#installer.retain(dependencies);
      return { removed };
    });
  }

  /**
   * One build per source at a time. A build that began before this request may have read the source before its last change, so its
   * outcome is not simply shared: what follows it recognises unchanged source at the cost of a few `stat` calls.
   */
  async #share(key: string, source: LocatedSource, env: BuildRequest['env']): Promise<Built> {
    const earlier = this.#running.get(key);
    if (earlier) {
      await earlier.catch(() => undefined);
      const newer = this.#running.get(key);
      if (newer) return await newer;
    }
    const build = this.#buildUnlessKnown(key, source, env).finally(() => this.#running.delete(key));
    this.#running.set(key, build);
    return await build;
  }

  async #buildUnlessKnown(key: string, source: LocatedSource, env: BuildRequest['env']): Promise<Built> {
    const known = await this.#records.find(key);
    if (known !== undefined) {
      const stored = await this.#claim(known, () => this.#store.find(known));
      if (stored) return { stored, reused: true };
    }
    return await this.#slots.run(async () => {
      await this.#claims.run(async () => undefined);
      const { content, trace } = await this.#make(source);
      this.#checkSize(content, source);
      return await this.#claim(hashOf(content), async (hash) => {
        const existing = await this.#store.find(hash);
        const stored = existing ?? (await this.#load(content, env));
        await onDisk(() => this.#records.write(key, hash, trace));
        return { stored, reused: existing !== undefined };
      });
    });
  }

  /** While `use` runs, the artifact is not garbage. */
  async #claim<Result>(hash: string, use: (hash: string) => Promise<Result>): Promise<Result> {
    await this.#claims.run(async () => this.#claimed.set(hash, (this.#claimed.get(hash) ?? 0) + 1));
    try {
      return await use(hash);
    } finally {
      const left = (this.#claimed.get(hash) ?? 1) - 1;
      if (left === 0) this.#claimed.delete(hash);
      else this.#claimed.set(hash, left);
    }
  }

  async #make(source: LocatedSource): Promise<Made> {
    const { maxSourceBytes } = this.#limits;
    if (source.kind === 'executable') {
      const { code, input } = await readExecutable(source.entry, maxSourceBytes, this.#clock.wallMs());
      return { content: { format: 'exec', code }, trace: { inputs: [input], lookedIn: [] } };
    }
    const needsInstall = source.kind === 'directory' && source.dependencies === 'install';
    const installed = needsInstall ? await this.#installer.install(source.directory) : undefined;
    const { trace, ...content } = await this.#esbuild.use((esbuild) =>
      bundle(source, {
        esbuild,
        natives: this.#natives,
        maxSourceBytes,
        nowMs: () => this.#clock.wallMs(),
        ...(installed === undefined ? {} : { installed }),
      }),
    );
    return { content: installed === undefined ? content : { ...content, dependencies: basename(installed) }, trace };
  }

  /** Loads the new artifact once before anybody can see it: what cannot be loaded never becomes an artifact. */
  async #load(content: ArtifactContent, env: BuildRequest['env']): Promise<StoredArtifact> {
    const staged = await onDisk(() => this.#store.stage(content));
    try {
      const manifest: FunctionManifest =
        content.format === 'exec' ? { shape: 'exec', config: {} } : await this.#inspectStaged(staged, content, env);
      return await onDisk(() => this.#store.commit(staged, content, manifest));
    } finally {
      await this.#store.discard(staged.directory);
    }
  }

  /** What the code threw while loading names the source, not the place where the artifact lay at that moment. */
  async #inspectStaged(
    staged: Artifact,
    { sourceMap }: ArtifactContent,
    env: BuildRequest['env'],
  ): Promise<FunctionManifest> {
    try {
      return await this.#inspect(staged, env);
    } catch (thrown) {
      const mapStack = this.#mapStack;
      if (!mapStack || !sourceMap) throw thrown;
      const json = Buffer.from(sourceMap).toString('utf8');
      const { entry, permanentEntry = entry } = staged;
      const map = (stack: string) => mapStack(mapStack(stack, entry, json), permanentEntry, json);
      throw deserializeError(withStacks(serializeError(thrown), map));
    }
  }

  #checkSize({ code }: ArtifactContent, source: LocatedSource): void {
    const { maxSourceBytes } = this.#limits;
    if (code.byteLength <= maxSourceBytes) return;
    const what = source.kind === 'inline' ? 'The inline code' : source.entry;
    throw new TroupeError(
      'BUILD_FAILED',
      `${what} becomes a script of ${code.byteLength} bytes; the limit is ${maxSourceBytes}. Read large data at run time instead.`,
    );
  }
}

function withStacks(error: SerializedError, map: (stack: string) => string): SerializedError {
  const { stack, cause } = error;
  return {
    ...error,
    ...(stack === undefined ? {} : { stack: map(stack) }),
    ...(cause === undefined ? {} : { cause: withStacks(cause, map) }),
  };
}

/** A full or read-only disk is not a bug of ours. */
async function onDisk<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (thrown instanceof TroupeError || typeof code !== 'string') throw thrown;
    const message = `Function code could not be written: ${(thrown as Error).message}. Check the space and the rights of the data directory.`;
    throw new TroupeError('STORE_WRITE_FAILED', message, { cause: thrown });
  }
}

/** Everything that a build depends on besides its source. */
function toolchain(): string {
  const version = (file: string | URL) => (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  const esbuild = version(createRequire(import.meta.url).resolve('esbuild/package.json'));
  const troupe = version(new URL('../../../package.json', import.meta.url));
  return `troupe ${troupe}, esbuild ${esbuild}, node ${process.version}, ${process.platform}-${process.arch}`;
}
