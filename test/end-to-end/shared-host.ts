import { afterAll, beforeAll } from 'vitest';
import type { FunctionConfig, HostOptions } from '../../src/config.ts';
import { TroupeError } from '../../src/errors.ts';
import { createTroupe, type Deployed, type Troupe } from '../../src/troupe.ts';

/** Where an instance may run: each of these is another path of bytes. */
export const PLACES = [
  { agent: 'inline', isolation: 'thread' },
  { agent: 'inline', isolation: 'process' },
  { agent: 'process', isolation: 'thread' },
  { agent: 'process', isolation: 'process' },
] as const;

/** The two that have least in common, for what the way there hardly touches. */
export const CORNERS = [PLACES[0], PLACES[3]] as const;

/** One host for all tests of the `describe` in which it is called; starting one for each test would cost more than the tests. */
export class SharedHost {
  #troupe: Troupe | undefined;
  #count = 0;

  constructor(options: HostOptions = {}) {
    beforeAll(async () => {
      this.#troupe = await createTroupe(options);
    });
    afterAll(async () => {
      await this.#troupe?.close();
    });
  }

  get troupe(): Troupe {
    if (!this.#troupe) throw new Error('The host is there inside tests only.');
    return this.#troupe;
  }

  /** Deploys JavaScript under a name of its own, and gives that name. */
  async function(code: string, config: FunctionConfig = {}): Promise<string> {
    const { name } = await this.deploy(`f${++this.#count}`, code, config);
    return name;
  }

  deploy(name: string, code: string, config: FunctionConfig = {}): Promise<Deployed> {
    return this.troupe.deploy({ name, source: { code, language: 'js' }, ...config });
  }

  /** Instances of a function that take calls. */
  async ready(name: string): Promise<number> {
    const { routes } = await this.troupe.stats();
    return routes.filter((route) => route.name === name).reduce((sum, { ready }) => sum + ready, 0);
  }
}

/** What the promise rejects with; fails when it does not, or with something that has no code. */
export async function failureOf(promise: Promise<unknown>): Promise<TroupeError> {
  try {
    const value = await promise;
    throw new Error(`It did not fail; it gave ${String(value)}.`);
  } catch (thrown) {
    if (thrown instanceof TroupeError) return thrown;
    throw thrown;
  }
}
