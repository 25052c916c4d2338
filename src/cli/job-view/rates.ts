/** How many jobs end per second, from counts that were looked at several times. Pure. */
import { ENDED_STATUSES, type EndedStatus, type QueueView } from '../../ecosystem/event-management/protocol.ts';

/** The rate is that of so long. */
const WINDOW_MS = 5_000;

export type Rates = Readonly<Record<EndedStatus, number>>;

interface Look {
  readonly atMs: number;
  readonly ended: ReadonlyMap<string, QueueView['ended']>;
}

const NONE: Rates = { succeeded: 0, failed: 0, cancelled: 0 };

export class RateMeter {
  #looks: Look[] = [];

  look(queues: readonly QueueView[], atMs: number): void {
    const ended = new Map(queues.map((queue) => [queue.function, queue.ended]));
    const last = this.#looks.at(-1);
    // A host that was started again counts from 0.
    if (last && [...ended].some(([name, counts]) => hasShrunk(last.ended.get(name), counts))) this.#looks = [];
    this.#looks.push({ atMs, ended });
    while (this.#looks.length > 2 && (this.#looks[1]?.atMs ?? atMs) <= atMs - WINDOW_MS) this.#looks.shift();
  }

  /** Per second. */
  of(name: string): Rates {
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    const now = last?.ended.get(name);
    if (!first || !last || !now || last.atMs <= first.atMs) return NONE;
    const before = first.ended.get(name) ?? NONE;
    const rate = (status: EndedStatus) => ((now[status] - before[status]) * 1_000) / (last.atMs - first.atMs);
    return { succeeded: rate('succeeded'), failed: rate('failed'), cancelled: rate('cancelled') };
  }
}

function hasShrunk(before: QueueView['ended'] | undefined, now: QueueView['ended']): boolean {
  return before !== undefined && ENDED_STATUSES.some((status) => now[status] < before[status]);
}
