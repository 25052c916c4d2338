/** A builder over real files in a temporary directory, whose `inspect` loads each artifact as an instance would, and counts. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import { TroupeError } from '../../../src/errors.ts';
import { type BuilderLimits, builderActor } from '../../../src/function-management/builder/builder.ts';
import type {
  Artifact,
  BuilderMessages,
  BuildOutcome,
  BuildRequest,
  Inspect,
} from '../../../src/function-management/builder/protocol.ts';
import { mapStack } from '../../../src/function-management/instance/stack-mapping.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import type { ActorRef } from '../../../src/kernel/protocol.ts';

type Exports = Record<string, unknown>;

/** Loads an artifact the way that its format asks for. */
async function loadArtifact(artifact: Artifact): Promise<Exports> {
  if (artifact.format === 'module') return (await import(pathToFileURL(artifact.entry).href)) as Exports;
  const module = { exports: {} as Exports };
  const run = compileFunction(readFileSync(artifact.entry, 'utf8'), ['module', 'exports', 'require'], {
    filename: artifact.entry,
  });
  run(module, module.exports, createRequire(artifact.entry));
  return module.exports;
}

const inspectByLoading: Inspect = async (artifact) => {
  const loaded = await loadArtifact(artifact);
  if (!loaded['default'] && !loaded['handler']) throw new TroupeError('HANDLER_INVALID', 'It exports no handler.');
  return { shape: 'value', config: (loaded['config'] ?? {}) as object };
};

export type Built = Extract<BuildOutcome, { kind: 'built' }>;
export type Refused = Extract<BuildOutcome, { kind: 'refused' }>;

export class BuilderFixture {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'troupe-builder-')));
  readonly artifactsDirectory = join(this.root, 'artifacts');
  readonly inspected: Artifact[] = [];
  /** Replace it to make loading slow or failing. */
  inspect: Inspect = inspectByLoading;
  isGarbageKept = false;
  #system = new ActorSystem();
  #builder: ActorRef<BuilderMessages> | undefined;
  readonly #limits: Partial<BuilderLimits>;

  constructor(limits: Partial<BuilderLimits> = {}) {
    this.#limits = limits;
  }

  /** Writes files below the fixture's root and returns the root's path joined with `name`. */
  write(files: Readonly<Record<string, string>>, name = ''): string {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.root, name, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      if (text.startsWith('#!')) chmodSync(file, 0o755);
    }
    return join(this.root, name);
  }

  get builder(): ActorRef<BuilderMessages> {
    this.#builder ??= this.#system.spawn(
      builderActor({
        artifactsDirectory: this.artifactsDirectory,
        clock: this.#system.clock,
        limits: this.#limits,
        mapStack,
        isGarbageKept: () => this.isGarbageKept,
        inspect: (artifact, env) => {
          this.inspected.push(artifact);
          return this.inspect(artifact, env);
        },
      }),
    );
    return this.#builder;
  }

  ask(source: BuildRequest['source'], runtime: BuildRequest['runtime'] = 'node'): Promise<BuildOutcome> {
    return this.builder.ask('build', { source, runtime, env: {} });
  }

  async build(source: BuildRequest['source'], runtime?: BuildRequest['runtime']): Promise<Built> {
    const outcome = await this.ask(source, runtime);
    if (outcome.kind === 'refused') throw Object.assign(new Error(outcome.error.message), outcome.error);
    return outcome;
  }

  async refused(source: BuildRequest['source'], runtime?: BuildRequest['runtime']): Promise<Refused['error']> {
    const outcome = await this.ask(source, runtime);
    if (outcome.kind === 'built') throw new Error('The build succeeded, but should have been refused.');
    return outcome.error;
  }

  /** Builds and calls the handler once. */
  async call(source: BuildRequest['source'], event?: unknown): Promise<unknown> {
    const { artifact } = await this.build(source);
    const { default: exported, handler } = await loadArtifact(artifact);
    const called = (handler ?? exported) as (event: unknown) => unknown;
    return await called(event);
  }

  /** Stops the builder and starts another over the same files, as a restart of the host does. */
  async restart(): Promise<void> {
    await this.#system.shutdown(5_000);
    this.#system = new ActorSystem();
    this.#builder = undefined;
  }

  async remove(): Promise<void> {
    await this.#system.shutdown(5_000);
    rmSync(this.root, { recursive: true, force: true });
  }
}
