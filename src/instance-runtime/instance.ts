/**
 * One instance, whatever it runs in: it is specialised at most once, and then answers calls until whoever started it ends it.
 */
import { performance } from 'node:perf_hooks';
import { serializeError, TroupeError } from '../errors.ts';
import type { InstanceControl, InstanceImage, SpecialiseOutcome } from '../transport/instance-control.ts';
import { LeaseWord } from '../transport/lease-word.ts';
import type { PeerEnd } from '../transport/peer-protocol.ts';
import type { Channel } from '../transport/protocol.ts';
import { CacheAfterUse, type CacheableScript, writeCodeCache } from './code-cache.ts';
import type { Gauges } from './gauges.ts';
import { checkExecutable, loadHandler } from './handler-loading.ts';
import type { LoadedFunction } from './handler-shape.ts';
import { InvocationLoop } from './invocation-loop.ts';
import type { LogSender } from './log-sender.ts';
import type { ProcessGroups } from './process-groups.ts';

interface InstanceOptions {
  readonly calls: Channel;
  readonly gauges: Gauges;
  readonly groups: ProcessGroups;
  /** What executables get beside the variables of the image: PATH and the like. */
  readonly hostEnv: Readonly<Record<string, string>>;
  /**
   * Takes in what has come on `calls` while the function was loaded, and lets leave what was sent: a call that was given up must not begin, and
   * none before the host can know that they may.
   */
  readonly catchUp?: () => void | Promise<void>;
}

export class Instance implements Pick<InstanceControl, 'specialise'> {
  readonly #options: InstanceOptions;
  readonly #loop: InvocationLoop;
  #isSpecialised = false;
  #cacheAfterUse: CacheAfterUse | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
    const { calls } = options;
    this.#loop = new InvocationLoop({ channel: calls, onCallsInside: (inFlight) => this.#callsInside(inFlight) });
  }

  async specialise(image: InstanceImage): Promise<SpecialiseOutcome> {
    const startedMs = performance.now();
    try {
      if (this.#isSpecialised) throw new TroupeError('INTERNAL', 'An instance is specialised at most once.');
      this.#isSpecialised = true;
      const loaded = await this.#load(image);
      const tookMs = performance.now() - startedMs;
      this.#loop.announce(tookMs);
      const catchingUp = this.#options.catchUp?.();
      if (catchingUp) await catchingUp;
      this.#loop.become(loaded, image, startedMs);
      return { kind: 'ready', manifest: { shape: loaded.shape, config: loaded.config }, tookMs };
    } catch (thrown) {
      return { kind: 'failed', error: serializeError(thrown) };
    }
  }

  /** `channel` is this end's way to the other instance. */
  join({ link, role, word }: PeerEnd, channel: Channel): void {
    if (role === 'callee') this.#loop.serve(channel, { link, word: new LeaseWord(word) });
    else if (this.#loop.nested) this.#loop.nested.peers.join(link, channel, new LeaseWord(word));
    else channel.close();
  }

  get hadEarlyCalls(): boolean {
    return this.#loop.hadEarlyCalls;
  }

  get logs(): LogSender {
    return this.#loop.logs;
  }

  /** The last chance of what was printed without an end of line. */
  flush(): void {
    this.#loop.logs.end();
  }

  #callsInside(inFlight: number): void {
    this.#options.gauges.callsInside(inFlight);
    this.#cacheAfterUse?.callsInside(inFlight);
  }

  #cache(uncached: CacheableScript, { codeCache }: InstanceImage): void {
    if (codeCache === 'use') this.#cacheAfterUse = new CacheAfterUse(uncached);
    else writeCodeCache(uncached, { data: uncached.script.createCachedData(), stage: 'loaded' });
  }

  async #load(image: InstanceImage): Promise<LoadedFunction> {
    becomeProgram(image);
    if (image.format !== 'exec') {
      const { loaded, uncached } = await loadHandler(image);
      if (uncached) this.#cache(uncached, image);
      return loaded;
    }
    checkExecutable(image);
    const { executableFunction } = await import('./exec-runner.ts');
    const { groups, hostEnv } = this.#options;
    return executableFunction({ image, groups, hostEnv });
  }
}

/** Invariant 9. The function sees the environment of its image, exactly, and itself as the program. */
function becomeProgram({ env, entry }: InstanceImage): void {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name];
  Object.assign(process.env, env);
  process.argv = [process.execPath, entry];
}
