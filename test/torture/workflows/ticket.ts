/** One execution as the suite knows it: what it has asked for, and what it was told. Nothing of this comes from inside the host. */
import type { Findings } from '../support/findings.ts';
import { type Answer, CUT, type HostProcess } from '../support/host-process.ts';
import { type Disk, isEnd } from './disk.ts';
import type { PlannedExecution } from './plan.ts';
import { type Outcome, type Sent, shapeOf } from './shapes.ts';

type Request = { readonly kind: 'start' } | { readonly kind: 'call' } | Sent;

/** What a host answers that does not want to begin anything more. */
const CLOSING = new Set(['SHUTTING_DOWN', 'CANCELLED']);

export class Ticket {
  readonly plan: PlannedExecution;
  readonly expected: Outcome;
  readonly #requests: readonly Request[];
  readonly #findings: Findings;
  /** Requests that were acknowledged, or found on disk after a kill. */
  #done = 0;
  #acknowledged = 0;
  /** Acknowledged before the last kill, and looked for after it. */
  #kept = 0;
  /** Was sent, and nobody knows what became of it. */
  #isUnsure = false;
  #wasStarted = false;
  #isOnDisk = false;
  #hasResult = false;

  constructor(plan: PlannedExecution, findings: Findings) {
    const shape = shapeOf(plan.shape);
    this.plan = plan;
    this.expected = shape.outcome(plan.input);
    this.#findings = findings;
    const start: Request = plan.callKey === undefined ? { kind: 'start' } : { kind: 'call' };
    this.#requests = [start, ...(shape.sent?.(plan.input) ?? [])];
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get isDone(): boolean {
    return this.#hasResult && this.#done === this.#requests.length;
  }

  /** Goes on with it until it is done, or the host is gone. */
  async drive(host: HostProcess, isClosing: () => boolean): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#wasStarted ? 0 : this.plan.afterMs));
    for (; this.#done < this.#requests.length; this.#done++) {
      const request = this.#requests[this.#done];
      if (!request || host.isOver) return;
      this.#isUnsure = true;
      const answer = await this.#ask(host, request);
      if (answer.kind === 'cut' || (isClosing() && isRefusal(answer))) return;
      this.#isUnsure = false;
      this.#judgeAnswer(request, answer);
      this.#acknowledged = this.#done + 1;
      if (this.plan.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.plan.pauseMs));
    }
    const answer = await host.request('result', { id: this.plan.id });
    if (answer.kind === 'cut' || (isClosing() && isRefusal(answer) && !this.#isExpected(answer))) return;
    this.#judgeResult(answer);
    // It may have been cancelled by nobody but the end of the host.
    this.#hasResult = true;
  }

  /** After a kill: what was acknowledged is there. What was not is there or not, and is asked for again where it is not. */
  reconcile({ journals }: Disk, life: string): void {
    const events = journals.get(this.plan.id) ?? [];
    const present = this.#requests.map((request) => {
      if (request.kind === 'start') return events.length > 0;
      if (request.kind === 'call') return events.some(isEnd);
      if (request.kind === 'cancel') return events.some(({ type }) => type === 'cancelRequested');
      return events.some((event) => event.type === 'signalReceived' && decoded(event.payload) === request.payload);
    });
    for (const [index, request] of this.#requests.slice(this.#kept, this.#acknowledged).entries())
      this.#check(
        present[this.#kept + index] === true,
        () => `${life}: ${show(request)} was acknowledged, and is not on disk`,
      );
    // Whether it stays there is seen by whoever compares the journals.
    this.#kept = this.#acknowledged;
    if (this.#hasResult)
      this.#check(events.some(isEnd), () => `${life}: its result was told, and its end is not on disk`);
    this.#isOnDisk = events.length > 0;
    // A call is asked for again whatever has become of it: its answer is what the caller wants.
    if (this.#isUnsure && present[this.#done] && this.#requests[this.#done]?.kind !== 'call') this.#done++;
    this.#isUnsure = false;
  }

  /** Whether it is told the same now as it was told before. */
  judgeAgain(answer: Answer): void {
    this.#judgeResult(answer);
  }

  /** The answer; where it was asked twice, that of the one that was new, or the only one that came. */
  async #ask(host: HostProcess, request: Request): Promise<Answer> {
    const isTwice = this.plan.isTwice && (request.kind === 'start' || request.kind === 'call');
    const [one, other] = await Promise.all([this.#send(host, request), isTwice ? this.#send(host, request) : CUT]);
    if (other.kind !== 'value' || one.kind === 'error') return one;
    if (one.kind === 'cut') return request.kind === 'start' ? { kind: 'value', value: !this.#isOnDisk } : other;
    if (request.kind === 'start') {
      this.#check(!other.value, () => 'it was started twice at once, and both were told that it is new');
      return one;
    }
    this.#judgeResult(other);
    return one;
  }

  #send(host: HostProcess, request: Request): Promise<Answer> {
    const { id, shape: name, input, durability, callKey } = this.plan;
    this.#wasStarted = true;
    switch (request.kind) {
      case 'start':
        return host.request('start', { id, name, input, durability });
      case 'call':
        return host.request('call', { name, input, callKey });
      case 'signal':
        return host.request('signal', { id, payload: request.payload });
      case 'cancel':
        return host.request('cancel', { id });
    }
  }

  #judgeAnswer(request: Request, answer: Answer): void {
    if (request.kind === 'call') return this.#judgeResult(answer);
    if (answer.kind === 'error') return this.#findings.add(`${this.plan.id}: ${show(request)} gave ${show(answer)}`);
    if (request.kind !== 'start') return;
    const isNew = answer.kind === 'value' && answer.value;
    this.#check(
      isNew === !this.#isOnDisk,
      () => `its start says isNew: ${isNew}, and on disk it was ${this.#isOnDisk ? 'there' : 'not there'}`,
    );
  }

  #judgeResult(answer: Answer): void {
    this.#check(this.#isExpected(answer), () => `its result is ${show(answer)}, not ${show(this.expected)}`);
  }

  #isExpected(answer: Answer): boolean {
    if ('code' in this.expected) return answer.kind === 'error' && answer.code === this.expected.code;
    return answer.kind === 'value' && show(answer.value) === show(this.expected.value);
  }

  #check(holds: boolean, what: () => string): void {
    this.#findings.check(holds, () => `${this.plan.id} (${this.plan.shape}, ${this.plan.durability}): ${what()}`);
  }
}

function isRefusal(answer: Answer): boolean {
  return answer.kind === 'error' && CLOSING.has(answer.code);
}

/** The payload of a signal: a small whole number, in MessagePack. */
function decoded(payload: Uint8Array): number {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const head = view.getUint8(0);
  if (head < 0x80) return head;
  return head === 0xcc ? view.getUint8(1) : view.getUint16(1);
}

const show = (what: unknown): string => JSON.stringify(what);
