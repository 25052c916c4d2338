/**
 * The journal of one execution on its way to disk. One append is under way at a time; what is recorded meanwhile goes with the next. What must
 * not be seen before it is on disk waits for a length (invariant 2).
 */
import type { Clock } from '../../kernel/clock.ts';
import { WritePause } from '../../store/write-pause.ts';
import type { Durability, ExecutionEvent } from '../events.ts';
import type { ExecutionStore, ExecutionSummary, OpenExecution } from '../execution-store/protocol.ts';

export interface JournalParts {
  readonly id: string;
  readonly store: ExecutionStore;
  readonly clock: Clock;
  readonly durability: Durability;
  /** How many events are on disk already. */
  readonly flushed: number;
  /** Something has become durable, or never will: somebody else wrote to this journal. */
  readonly written: (outcome: 'appended' | 'conflict') => void;
}

/** How the execution stands in the lists, asked for when a write begins. */
export interface Standing {
  readonly open: OpenExecution | undefined;
  readonly ended: ExecutionSummary | undefined;
}

export class JournalWriter {
  readonly #parts: JournalParts;
  /** Of an execution in memory: all there is. */
  readonly #kept: ExecutionEvent[] = [];
  #unwritten: ExecutionEvent[] = [];
  #flushed: number;
  #length: number;
  /** Being written. */
  #underWay: readonly ExecutionEvent[] = [];
  #isWriting = false;
  #isListed: boolean;
  #listed: OpenExecution | undefined;
  #waiting: { readonly length: number; readonly resolve: () => void }[] = [];
  #idle: (() => void) | undefined;
  readonly #pause: WritePause;
  #isClosed = false;

  constructor(parts: JournalParts, listed?: OpenExecution) {
    this.#parts = parts;
    this.#pause = new WritePause((delayMs, callback) => parts.clock.after(delayMs, callback));
    this.#flushed = parts.flushed;
    this.#length = this.#flushed;
    this.#isListed = this.#flushed > 0;
    this.#listed = listed;
  }

  get length(): number {
    return this.#length;
  }

  get isDurable(): boolean {
    return this.#parts.durability !== 'memory';
  }

  /** Whether all of it is where it is to be. */
  get isSettled(): boolean {
    return this.#flushed === this.#length && !this.#isWriting;
  }

  /** Somebody waits for what is not on disk yet. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  record(event: ExecutionEvent): void {
    this.#length++;
    if (this.isDurable) {
      this.#unwritten.push(event);
      return;
    }
    this.#kept.push(event);
    this.#flushed = this.#length;
  }

  isFlushed(length: number): boolean {
    return this.#flushed >= length;
  }

  /** Resolves once so many events are durable; never, where the host ends before. */
  whenFlushed(length: number): Promise<void> {
    if (this.#flushed >= length) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ length, resolve });
    });
  }

  /** Nothing where one is under way: its end is told, and the next begins then. */
  write(standing: () => Standing): void {
    if (!this.isDurable || this.#isWriting || this.#isClosed || this.#pause.isOn) return;
    const { open, ended } = standing();
    const isRelisted = !this.#isListed || !isSameListing(open, this.#listed);
    if (this.#unwritten.length === 0 && !isRelisted) return;
    const events = this.#unwritten;
    this.#unwritten = [];
    this.#underWay = events;
    this.#isWriting = true;
    const request = {
      id: this.#parts.id,
      expectedLength: this.#flushed,
      events,
      ...(isRelisted && { open }),
      ...(ended && { ended }),
    };
    this.#parts.store.append(request).then(
      ({ kind }) => this.#appended(kind, events.length, isRelisted ? open : this.#listed),
      () => this.#failed(events),
    );
  }

  /** In order, up to now. */
  events(): readonly ExecutionEvent[] {
    if (!this.isDurable) return this.#kept;
    const stored = this.#flushed === 0 ? [] : (this.#parts.store.read(this.#parts.id) ?? []);
    return [...stored.slice(0, this.#flushed), ...this.#underWay, ...this.#unwritten];
  }

  /** Writes what is left, and resolves when it is on disk, or cannot be: the next host does what it does not know of again. */
  async close(standing: () => Standing): Promise<void> {
    this.#pause.cancel();
    await this.#whenIdle();
    if (this.#unwritten.length > 0) this.write(standing);
    this.#isClosed = true;
    await this.#whenIdle();
  }

  #whenIdle(): Promise<void> {
    if (!this.#isWriting) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #appended(kind: 'appended' | 'conflict', count: number, listed: OpenExecution | undefined): void {
    this.#isWriting = false;
    this.#underWay = [];
    this.#idle?.();
    if (kind === 'appended') {
      this.#pause.wasTaken();
      this.#flushed += count;
      this.#isListed = true;
      this.#listed = listed;
      const ready = this.#waiting.filter(({ length }) => length <= this.#flushed);
      if (ready.length > 0) {
        this.#waiting = this.#waiting.filter(({ length }) => length > this.#flushed);
        for (const { resolve } of ready) resolve();
      }
    }
    this.#parts.written(kind);
  }

  /** Nothing of it has happened: it goes with the next attempt. */
  #failed(events: ExecutionEvent[]): void {
    this.#isWriting = false;
    this.#underWay = [];
    this.#idle?.();
    this.#unwritten = [...events, ...this.#unwritten];
    if (this.#isClosed) return;
    this.#pause.begin(() => this.#parts.written('appended'));
  }
}

function isSameListing(one: OpenExecution | undefined, other: OpenExecution | undefined): boolean {
  return (
    one === other ||
    (one?.isWaiting === other?.isWaiting && one?.wakeAtMs === other?.wakeAtMs && one?.status === other?.status)
  );
}
