/** The host under torture, with what the tester knows of it: which version came from which build. */
import { createTroupe, type Deployed, type Troupe } from 'troupe';
import { sourceOf, TARGETS, type Target } from './targets.ts';

interface Published {
  /** The newest version that `deploy` has acknowledged. */
  version: number;
  build: string;
  readonly builds: Map<number, string>;
}

export class Subject {
  readonly troupe: Troupe;
  readonly agent: 'inline' | 'process';
  readonly #published = new Map<string, Published>();

  private constructor(troupe: Troupe, agent: 'inline' | 'process') {
    this.troupe = troupe;
    this.agent = agent;
  }

  static async open(agent: 'inline' | 'process', dataDir: string): Promise<Subject> {
    // Claims are charged, not measured: the budget is there to hold every instance of every target, and an inspection.
    const subject = new Subject(await createTroupe({ agent, dataDir, memoryBudgetMb: 4_096 }), agent);
    for (const target of TARGETS) await subject.deploy(target, 'first');
    return subject;
  }

  version(name: string): number {
    return this.#published.get(name)?.version ?? 0;
  }

  build(name: string, version: number): string | undefined {
    return this.#published.get(name)?.builds.get(version);
  }

  currentBuild(name: string): string {
    return this.#published.get(name)?.build ?? '';
  }

  /** The build of some version before the current one, if there is one of another build. */
  earlierBuild(name: string): string | undefined {
    const { builds, build } = this.#published.get(name) ?? {};
    return [...(builds?.values() ?? [])].filter((each) => each !== build).at(-1);
  }

  async deploy(target: Target, build: string): Promise<Deployed> {
    const { name, isolation, concurrency, maxInstances, idempotent } = target;
    const deployed = await this.troupe.deploy({
      name,
      source: sourceOf(target, build),
      isolation,
      concurrency,
      maxInstances,
      idempotent,
      memoryMb: 64,
      timeoutMs: CALL_TIMEOUT_MS,
    });
    const published = this.#published.get(name) ?? { version: 0, build: '', builds: new Map<number, string>() };
    this.#published.set(name, published);
    published.version = deployed.version;
    published.build = build;
    published.builds.set(deployed.version, build);
    return deployed;
  }
}

/** No call comes near it unless it is made to: whoever times out was forgotten. */
export const CALL_TIMEOUT_MS = 10_000;
