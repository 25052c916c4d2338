/**
 * Makes versions of sources: build, load once, merge the options, register. And takes functions away again.
 *
 * Invariant 3 (as in README.md): a deploy that is refused has changed nothing.
 */
import { type FunctionConfig, resolveFunctionConfig } from '../../config.ts';
import { deserializeError } from '../../errors.ts';
import type { ActorRef } from '../../kernel/protocol.ts';
import type { BuilderMessages } from '../builder/protocol.ts';
import type { RegistryMessages } from '../registry/protocol.ts';
import type { DeployOutcome, DeployRequest } from './protocol.ts';

/** A build may install dependencies first. */
const BUILD_TIMEOUT_MS = 600_000;

export interface PublisherOptions {
  readonly builder: ActorRef<BuilderMessages>;
  readonly registry: ActorRef<RegistryMessages>;
}

export class Publisher {
  readonly #options: PublisherOptions;
  #deploying = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  async deploy(request: DeployRequest): Promise<DeployOutcome> {
    this.#deploying++;
    let prunes = false;
    try {
      const { pruned, ...outcome } = await this.#deploy(request);
      prunes = pruned.length > 0;
      return outcome;
    } finally {
      this.#deploying--;
      // Nobody waits for it: what it leaves when it fails, the next one collects.
      if (prunes) void this.#collectGarbage().catch(() => {});
    }
  }

  async remove(name: string): Promise<undefined> {
    await this.#options.registry.ask('remove', { name });
    await this.#collectGarbage();
  }

  /** Deletes the code that no version needs. Not while somebody deploys: until it is registered, no version refers to what was built. */
  async #collectGarbage(): Promise<void> {
    const { registry, builder } = this.#options;
    if (this.#deploying > 0) return;
    const functions = await registry.ask('list', undefined);
    const keep = functions.flatMap(({ versions }) => versions.map(({ artifact }) => artifact.hash));
    if (this.#deploying === 0) await builder.ask('collectGarbage', { keep });
  }

  async #deploy({ name, source, config }: DeployRequest) {
    // Checked before anything is built: a wrong option should not cost a build.
    const { runtime } = resolveFunctionConfig(config);
    const build = { source, runtime, env: config.env ?? {} };
    const outcome = await this.#options.builder.ask('build', build, { timeoutMs: BUILD_TIMEOUT_MS });
    if (outcome.kind === 'refused') throw deserializeError(outcome.error);
    const { artifact, manifest, reused, durationMs } = outcome;
    const registered = await this.#options.registry.ask('register', {
      name,
      artifact,
      shape: manifest.shape,
      config: resolveFunctionConfig(mergeConfig(manifest.config, config)),
    });
    return { ...registered, reused, buildMs: durationMs };
  }
}

/** Options given to `deploy` win over those the function exports; environment variables are merged one by one. */
function mergeConfig(exported: FunctionConfig, given: FunctionConfig): FunctionConfig {
  const stated = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...exported, ...stated, env: { ...exported.env, ...given.env } };
}
