/**
 * The calls of a round: 64 in flight, each checked when it succeeds and kept when it fails. Progress is held back at an event that has not
 * happened yet, so that events fall where the plan has them.
 */
import { TroupeError } from 'troupe';
import { describeThrown, type Findings } from '../support/findings.ts';
import { within } from '../support/within.ts';
import type { PlannedCall } from './plan.ts';
import { CALL_TIMEOUT_MS, type Subject } from './subject.ts';
import type { Answer, Event, Target } from './targets.ts';

const IN_FLIGHT = 64;
/** A call settles by its deadline; the rest is for a machine that is busy with other things. */
const SETTLE_LIMIT_MS = CALL_TIMEOUT_MS + 5_000;
/** So many calls may begin after an event is due and before it is over. */
const AHEAD = 150;

export interface FailedCall {
  readonly target: Target;
  readonly n: number;
  readonly error: TroupeError;
  readonly fromMs: number;
  readonly toMs: number;
}

export class Load {
  readonly failed: FailedCall[] = [];
  /** Calls sent, by function; the nested ones are not ours. */
  readonly sent = new Map<string, number>();
  retried = 0;
  readonly #subject: Subject;
  readonly #findings: Findings;
  readonly #answered: { readonly name: string; readonly answer: Answer }[] = [];
  readonly #waiting = new Set<() => void>();
  #begun = 0;
  #allowed = 0;
  #count = 0;

  constructor(subject: Subject, findings: Findings) {
    this.#subject = subject;
    this.#findings = findings;
  }

  async run(calls: readonly PlannedCall[]): Promise<void> {
    const queue = calls.values();
    const lane = async () => {
      for (const { target, ms, chunks } of queue) {
        while (this.#begun >= this.#allowed) await this.reached(this.#begun + 1, 'allowed');
        this.#begun++;
        this.#wake();
        await this.call(target, { ms, chunks });
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  }

  /** Resolves when so many calls have begun, or may. */
  async reached(calls: number, what: 'begun' | 'allowed' = 'begun'): Promise<void> {
    while ((what === 'begun' ? this.#begun : this.#allowed) < calls) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** No event is due before so many calls. */
  allow(calls: number): void {
    this.#allowed = calls + AHEAD;
    this.#wake();
  }

  /** One call, checked. Resolves with its answer, or with the error that it failed with; what is not a `TroupeError` is a finding. */
  async call(
    target: Target,
    event: Omit<Event, 'n'>,
    options: { readonly timeoutMs?: number; readonly isKiller?: boolean } = {},
  ): Promise<Answer | TroupeError | undefined> {
    const { isKiller = false, ...invokeOptions } = options;
    const n = ++this.#count;
    const { name } = target;
    const oldest = { own: this.#subject.version(name), leaf: this.#subject.version('leaf') };
    const fromMs = performance.now();
    this.sent.set(name, (this.sent.get(name) ?? 0) + 1);
    try {
      const answers = await within(
        this.#send(target, { ...event, n }, invokeOptions),
        SETTLE_LIMIT_MS,
        `${name} #${n}`,
      );
      for (const answer of answers) this.#check(target, n, answer, oldest);
      const last = answers.at(-1);
      if (last && last.attempt > 1) this.retried++;
      return last;
    } catch (thrown) {
      if (thrown instanceof TroupeError) {
        if (!isKiller) this.failed.push({ target, n, error: thrown, fromMs, toMs: performance.now() });
        return thrown;
      }
      this.#findings.add(`${name} #${n} failed with what is no TroupeError: ${describeThrown(thrown)}`);
      return undefined;
    }
  }

  /** To be called once every deploy has been answered: only then is it known which version came from which build. */
  checkBuilds(): void {
    for (const { name, answer } of this.#answered) {
      const build = this.#subject.build(name, answer.version);
      this.#findings.check(
        answer.build === build,
        () =>
          `${name} #${answer.n}: version ${answer.version} answered with build ${answer.build}, deployed was ${build}`,
      );
    }
  }

  async #send({ name, shape }: Target, event: Event, options: { readonly timeoutMs?: number }): Promise<Answer[]> {
    const { troupe } = this.#subject;
    if (shape !== 'stream') return [await troupe.invoke<Answer>(name, event, options)];
    const answers: Answer[] = [];
    for await (const answer of troupe.stream<Answer>(name, event, options)) answers.push(answer);
    this.#findings.check(
      answers.length === event.chunks,
      () => `${name} #${event.n}: ${answers.length} chunks of ${event.chunks}`,
    );
    return answers;
  }

  #check({ name, shape }: Target, n: number, answer: Answer, oldest: { own: number; leaf: number }): void {
    this.#findings.check(
      answer?.n === n,
      () => `${name} #${n} got the answer of another call: ${JSON.stringify(answer)}`,
    );
    this.#findings.check(
      answer.version >= oldest.own,
      () => `${name} #${n} was answered by version ${answer.version} after ${oldest.own} was deployed`,
    );
    this.#answered.push({ name, answer });
    if (shape !== 'nested') return;
    const { leaf } = answer;
    this.#findings.check(leaf?.n === n, () => `${name} #${n}: its nested call got ${JSON.stringify(leaf)}`);
    if (!leaf) return;
    this.#findings.check(
      leaf.version >= oldest.leaf,
      () => `${name} #${n}: its nested call was answered by version ${leaf.version} after ${oldest.leaf} was deployed`,
    );
    this.#answered.push({ name: 'leaf', answer: leaf });
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
