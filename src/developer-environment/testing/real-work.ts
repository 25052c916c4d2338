/**
 * What goes on in a host in real time, while its virtual time stands still: threads that start, writes, builds, calls. Says when nothing does any
 * more.
 *
 * Work of the host ends by itself, so that it stands still is an error. Work of others, a function or a server that is asked, may never end: it is
 * waited for with patience, once, and no longer.
 */
import { TroupeError } from '../../errors.ts';
import { delay, type HoldOwner, systemClock } from '../../kernel/clock.ts';

interface Hold {
  readonly what: string;
  readonly owner: HoldOwner;
  readonly sinceMs: number;
}

export interface RealWorkOptions {
  readonly patienceMs: number;
  readonly stallTimeoutMs: number;
}

/** What a settled promise has led to, and what that has sent, shows by then. */
const QUIET_TURNS = 2;
/** Then it takes naps: the threads that it waits for need the processor. */
const TURNS_BEFORE_NAPS = 50;
const NAP_MS = 1;

export class RealWork {
  readonly #options: RealWorkOptions;
  readonly #holds = new Set<Hold>();
  readonly #watched: ((nowMs: number) => boolean)[] = [];
  #progressedMs = systemClock.nowMs();

  constructor(options: RealWorkOptions) {
    this.#options = options;
  }

  begin(what: string, owner: HoldOwner): () => void {
    const hold: Hold = { what, owner, sinceMs: systemClock.nowMs() };
    this.#holds.add(hold);
    this.progressed();
    return () => {
      if (this.#holds.delete(hold)) this.progressed();
    };
  }

  /** `isBusy` is given the real time. */
  watch(isBusy: (nowMs: number) => boolean): void {
    this.#watched.push(isBusy);
  }

  progressed(): void {
    this.#progressedMs = systemClock.nowMs();
  }

  /** Resolves when nothing goes on. Rejects with `TIMEOUT` where the host stands still. */
  async whenQuiet(): Promise<void> {
    this.progressed();
    let turns = 0;
    while (!(await this.isQuiet())) {
      this.#checkProgress();
      if (++turns > TURNS_BEFORE_NAPS) await delay(systemClock, NAP_MS);
    }
  }

  /** Whether nothing goes on, now and in the next few turns of the event loop. */
  async isQuiet(): Promise<boolean> {
    for (let turn = 0; turn < QUIET_TURNS; turn++) {
      await loopTurn();
      if (this.#isBusy()) return false;
    }
    return true;
  }

  #isBusy(): boolean {
    const nowMs = systemClock.nowMs();
    for (const hold of this.#holds) if (this.#isWaitedFor(hold, nowMs)) return true;
    return this.#watched.some((isBusy) => isBusy(nowMs));
  }

  #isWaitedFor({ owner, sinceMs }: Hold, nowMs: number): boolean {
    return owner === 'host' || nowMs - sinceMs < this.#options.patienceMs;
  }

  #checkProgress(): void {
    const { stallTimeoutMs, patienceMs } = this.#options;
    const isOutside = [...this.#holds].every(({ owner }) => owner === 'outside');
    const limitMs = isOutside ? Math.max(stallTimeoutMs, 2 * patienceMs) : stallTimeoutMs;
    if (systemClock.nowMs() - this.#progressedMs < limitMs) return;
    const underWay = [...this.#holds].filter(({ owner }) => owner === 'host').map(({ what }) => what);
    throw new TroupeError(
      'TIMEOUT',
      `Virtual time cannot go on: the host has made no progress for ${limitMs} ms of real time. Still under way: ${underWay.join(', ') || 'messages between its actors'}. Raise stallTimeoutMs where that may take longer.`,
      { details: { underWay } },
    );
  }
}

function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
