/**
 * Firings on their way to the queues. Those that are due together go together; one that is refused for now is tried again for some seconds, and one that
 * is refused for good, or too often, is skipped, with the reason.
 */
import { type TroupeError, toTroupeError } from '../../../errors.ts';
import type { Enqueued } from '../protocol.ts';
import { payloadLost } from './faults.ts';
import type { JobDoor } from './job-door.ts';
import type { Entry } from './roster.ts';
import { type Codec, jobOf } from './schedule-job.ts';
import type { ScheduleStore } from './schedule-store.ts';

export interface Firing {
  readonly entry: Entry;
  readonly revision: number;
  /** The time that it is for. */
  readonly atMs: number;
  /** Times before it that were missed. */
  readonly missed: number;
  readonly tries: number;
}

/** Exactly one of each firing. */
export type FiringEnd = { readonly firing: Firing } & (
  | { readonly kind: 'enqueued'; readonly jobId: string; readonly function: string }
  | { readonly kind: 'overlapping'; readonly jobId: string }
  | { readonly kind: 'refused'; readonly error: TroupeError }
);

export interface FiringsParts extends Codec {
  readonly door: JobDoor;
  readonly store: ScheduleStore;
  readonly ended: (end: FiringEnd) => void;
}

/** In one request: a queue takes all of it, or nothing. */
const TOGETHER = 500;
/** 0.25 s, and twice as long each time: 8 s in all. */
const FIRST_PAUSE_MS = 250;
const MOST_TRIES = 6;

export class Firings {
  readonly #parts: FiringsParts;

  constructor(parts: FiringsParts) {
    this.#parts = parts;
  }

  send(firings: readonly Firing[]): void {
    const byFunction = new Map<string, Firing[]>();
    for (const firing of firings) {
      const { spec } = firing.entry.record;
      const { lastJob } = firing.entry.state;
      if (spec.overlap === 'skip' && lastJob) this.#sendUnlessRunning(firing, lastJob);
      else byFunction.set(spec.function, [...(byFunction.get(spec.function) ?? []), firing]);
    }
    for (const [functionName, all] of byFunction)
      for (let from = 0; from < all.length; from += TOGETHER)
        this.#enqueue(functionName, all.slice(from, from + TOGETHER));
  }

  /** How long to wait before the next try; undefined: there is none. */
  pauseMs({ tries }: Firing, error: TroupeError): number | undefined {
    return error.retryable && tries + 1 < MOST_TRIES ? FIRST_PAUSE_MS * 2 ** tries : undefined;
  }

  #sendUnlessRunning(firing: Firing, lastJob: { readonly id: string; readonly function: string }): void {
    const { door, ended } = this.#parts;
    door.isOver(lastJob).then(
      (isOver) => {
        if (isOver) this.#enqueue(firing.entry.record.spec.function, [firing]);
        else ended({ firing, kind: 'overlapping', jobId: lastJob.id });
      },
      (thrown: unknown) => ended({ firing, kind: 'refused', error: toTroupeError(thrown) }),
    );
  }

  #enqueue(functionName: string, firings: readonly Firing[]): void {
    const { door, ended } = this.#parts;
    const sent: Firing[] = [];
    const jobs = firings.flatMap((firing) => {
      try {
        const job = this.#jobOf(firing);
        sent.push(firing);
        return [job];
      } catch (thrown) {
        ended({ firing, kind: 'refused', error: toTroupeError(thrown) });
        return [];
      }
    });
    if (jobs.length === 0) return;
    door.enqueue(functionName, jobs).then(
      (enqueued: readonly Enqueued[]) => {
        for (const [index, firing] of sent.entries())
          ended({ firing, kind: 'enqueued', jobId: enqueued[index]?.id ?? '', function: functionName });
      },
      (thrown: unknown) => {
        const error = toTroupeError(thrown);
        // One that has no room for all may have room for some.
        if (sent.length > 1 && error.retryable) for (const firing of sent) this.#enqueue(functionName, [firing]);
        else for (const firing of sent) ended({ firing, kind: 'refused', error });
      },
    );
  }

  #jobOf({ entry: { name, record }, atMs }: Firing) {
    const payload = record.payloadBytes === undefined ? undefined : this.#parts.store.payload(name);
    if (payload?.length !== record.payloadBytes) throw payloadLost(name);
    return jobOf({ name, record, payload }, atMs, this.#parts);
  }
}
