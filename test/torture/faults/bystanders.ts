/**
 * Functions that do nothing wrong, called all the time. When the agent goes down they go with it: the idempotent one must answer all the
 * same, the others may fail with `AGENT_LOST` and with nothing else.
 */
import { type Troupe, TroupeError } from 'troupe';
import { describeThrown, type Findings } from '../support/findings.ts';
import { within } from '../support/within.ts';

export const BYSTANDERS = [
  { name: 'plain', isolation: 'thread', concurrency: 1, maxInstances: 2, idempotent: false },
  { name: 'steady', isolation: 'thread', concurrency: 8, maxInstances: 1, idempotent: true },
  { name: 'boxed', isolation: 'process', concurrency: 8, maxInstances: 1, idempotent: false },
  { name: 'boxed-steady', isolation: 'process', concurrency: 8, maxInstances: 1, idempotent: true },
] as const;

const SOURCE = `export default async (event, context) => {
  await new Promise((resolve) => setTimeout(resolve, event.ms));
  return { n: event.n, attempt: context.attempt };
};`;
const CALL_LIMIT_MS = 25_000;
const LANES = 2;

export async function deployBystanders(troupe: Troupe): Promise<void> {
  for (const bystander of BYSTANDERS) {
    await troupe.deploy({ ...bystander, source: { code: SOURCE, language: 'js' }, memoryMb: 64, timeoutMs: 15_000 });
  }
}

export class Bystanders {
  answered = 0;
  retried = 0;
  readonly lost: string[] = [];
  readonly #troupe: Troupe;
  readonly #findings: Findings;
  #isOver = false;
  #count = 0;
  readonly #lanes: Promise<void>[];

  constructor(troupe: Troupe, findings: Findings) {
    this.#troupe = troupe;
    this.#findings = findings;
    this.#lanes = BYSTANDERS.flatMap((bystander) => Array.from({ length: LANES }, () => this.#lane(bystander)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  async #lane({ name, idempotent }: (typeof BYSTANDERS)[number]): Promise<void> {
    while (!this.#isOver) {
      const n = ++this.#count;
      try {
        const call = this.#troupe.invoke<{ n: number; attempt: number }>(name, { n, ms: n % 20 });
        const answer = await within(call, CALL_LIMIT_MS, `${name} #${n}`);
        this.answered++;
        if (answer.attempt > 1) this.retried++;
        this.#findings.check(answer.n === n, () => `${name} #${n} got ${JSON.stringify(answer)}`);
      } catch (thrown) {
        const isTaken = thrown instanceof TroupeError && thrown.code === 'AGENT_LOST' && !idempotent;
        if (isTaken) this.lost.push(name);
        else this.#findings.add(`${name} #${n}, which did nothing wrong, failed: ${describeThrown(thrown)}`);
      }
    }
  }
}
