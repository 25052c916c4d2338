/**
 * What triggers are to start of one function, in the order in which events were published, and whether its queue takes it: how much at a time, when
 * to try again, and what has been tried for long enough. Pure: time and chance are arguments.
 */
import type { TroupeError } from '../../../errors.ts';
import { FifoQueue } from '../../../kernel/fifo-queue.ts';
import { pauseMs } from '../../../kernel/retry-policy.ts';
import type { EventRecord } from './event-record.ts';

export interface LaneItem {
  readonly sequence: number;
  readonly trigger: string;
  /** It is here since then, in ms since the Unix epoch. */
  readonly sinceMs: number;
  /** Absent where it is to be read from the store. */
  readonly event?: EventRecord;
}

/** Jobs enqueued together get to the disk together. */
const LARGEST_CHUNK = 500;
const PAUSE = { delayMs: 100, backoff: 2, maxDelayMs: 30_000, jitter: 'full' } as const;
/** Nothing was taken for so long: it is given up. */
const GIVE_UP_AFTER_MS = 86_400_000;
/** A queue may be full for a moment; whoever is told every time listens no more. */
const TOLD_AT_FAILURE = 4;

export class Lane {
  readonly function: string;
  readonly #waiting = new FifoQueue<LaneItem>();
  /** They come before the others. */
  #again: LaneItem[] = [];
  #failures = 0;
  #failingSinceMs = 0;
  #chunkSize = LARGEST_CHUNK;
  /** Something is on its way to the queue. */
  isUnderWay = false;
  /** Ends the pause that it makes. */
  pause: (() => void) | undefined;

  constructor(functionName: string) {
    this.function = functionName;
  }

  get size(): number {
    return this.#waiting.size + this.#again.length;
  }

  get chunkSize(): number {
    return this.#chunkSize;
  }

  push(item: LaneItem): void {
    this.#waiting.push(item);
  }

  shift(): LaneItem | undefined {
    return this.#again.shift() ?? this.#waiting.shift();
  }

  accepted(): void {
    this.#failures = 0;
    this.#chunkSize = Math.min(LARGEST_CHUNK, 2 * this.#chunkSize);
  }

  /**
   * The queue has refused all of them: they go first again, fewer at a time where it may have room for some. Answers after how long to try, whether
   * somebody is to be told, and which of all are given up.
   */
  refused(
    items: readonly LaneItem[],
    { error, nowMs, random }: { readonly error: TroupeError; readonly nowMs: number; readonly random: () => number },
  ): { readonly pauseMs: number; readonly isToBeTold: boolean; readonly givenUp: readonly LaneItem[] } {
    if (this.#failures === 0) this.#failingSinceMs = nowMs;
    this.#failures++;
    this.#again = [...items, ...this.#again];
    if (error.kind === 'overloaded') this.#chunkSize = Math.max(1, Math.floor(this.#chunkSize / 2));
    return {
      pauseMs: pauseMs(Math.min(this.#failures, 20), PAUSE, random),
      isToBeTold: this.#failures === TOLD_AT_FAILURE,
      givenUp: this.#givenUp(nowMs),
    };
  }

  /** What has come is older than what comes after it. */
  #givenUp(nowMs: number): LaneItem[] {
    const givenUp: LaneItem[] = [];
    if (nowMs - this.#failingSinceMs < GIVE_UP_AFTER_MS) return givenUp;
    const isOld = (item: LaneItem | undefined) => item !== undefined && nowMs - item.sinceMs >= GIVE_UP_AFTER_MS;
    while (isOld(this.#again[0] ?? this.#waiting.peek())) {
      const item = this.shift();
      if (item) givenUp.push(item);
    }
    return givenUp;
  }
}
