/**
 * What triggers have still to start: hands it to the queues of its functions, in order, and again until they take it (invariants 2 and 4). That it has been
 * handed over is written by the writer; until then the disk says that it is to be started, and the key of the job that it is started once.
 */
import { type TroupeError, toTroupeError } from '../../../errors.ts';
import type { CancelTimer } from '../../../kernel/clock.ts';
import type { NewJob } from '../jobs/queue-protocol.ts';
import type { Enqueued, TriggerDelivery } from '../protocol.ts';
import { deliveryKey } from './delivery-key.ts';
import type { EventRecord } from './event-record.ts';
import type { PendingStart } from './event-store.ts';
import { notDeployedNow } from './faults.ts';
import { Lane, type LaneItem } from './lane.ts';
import type { ActiveTrigger } from './trigger-table.ts';

/** Of the payloads of one chunk. */
const CHUNK_BYTES = 4_194_304;
/** Payloads that wait in memory; what is over it is read again. */
const HELD_BYTES = 16_777_216;
/** A job is known by its key for three days: so long after it was started may a host that crashed then stay away. */
const ONCE_WINDOW_MS = 3 * 86_400_000;

export interface OutboxParts {
  readonly wallMs: () => number;
  readonly after: (delayMs: number, callback: () => void) => CancelTimer;
  readonly random: () => number;
  readonly isDeployed: (functionName: string) => boolean;
  /** All or none; resolves once they are on disk. */
  readonly enqueue: (functionName: string, jobs: readonly NewJob[]) => Promise<readonly Enqueued[]>;
  readonly triggerOf: (name: string) => ActiveTrigger | undefined;
  readonly eventOf: (sequence: number) => EventRecord | undefined;
  /** Called in no turn of the actor. */
  readonly sent: (sent: Sent) => void;
  readonly settled: (settled: Settled) => void;
  readonly onFault: (fault: string) => void;
}

/** Nothing more is to be done about it; without a delivery where its trigger is there no more. */
export interface Settled {
  readonly sequence: number;
  readonly trigger: string;
  readonly delivery: TriggerDelivery | undefined;
}

/** A chunk of jobs was taken in by its queue, or was not. */
export interface Sent {
  readonly lane: Lane;
  readonly chunk: readonly LaneItem[];
  readonly outcome:
    | { readonly kind: 'accepted'; readonly enqueued: readonly Enqueued[] }
    | { readonly kind: 'refused'; readonly error: TroupeError };
}

interface Ready {
  readonly items: readonly LaneItem[];
  readonly jobs: readonly NewJob[];
}

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #lanes = new Map<string, Lane>();
  readonly #bySequence = new Map<number, number>();
  readonly #byTrigger = new Map<string, number>();
  #size = 0;
  #heldBytes = 0;

  /** `isOpen`: whether anything may be started. */
  isOpen = false;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#size;
  }

  isPending(sequence: number): boolean {
    return this.#bySequence.has(sequence);
  }

  pendingOf(trigger: string): number {
    return this.#byTrigger.get(trigger) ?? 0;
  }

  /** `goOn` has it started. */
  add({ sequence, trigger, function: functionName }: PendingStart, event?: EventRecord): void {
    this.#size++;
    add(this.#bySequence, sequence, 1);
    add(this.#byTrigger, trigger, 1);
    const isHeld = event !== undefined && this.#heldBytes + event.payload.length <= HELD_BYTES;
    if (isHeld) this.#heldBytes += event.payload.length;
    const item = { sequence, trigger, sinceMs: this.#parts.wallMs(), ...(isHeld && { event }) };
    this.#laneOf(functionName).push(item);
  }

  /** Starts what may be started. */
  goOn(): void {
    if (!this.isOpen) return;
    for (const lane of this.#lanes.values()) this.#begin(lane);
  }

  /** Its queue may take now what it would not before. */
  wake(functionName: string): void {
    const lane = this.#lanes.get(functionName);
    if (!lane) return;
    lane.pause?.();
    lane.pause = undefined;
    if (this.isOpen) this.#begin(lane);
  }

  sent({ lane, chunk, outcome }: Sent): void {
    lane.isUnderWay = false;
    if (outcome.kind === 'refused') return this.#refused(lane, chunk, outcome.error);
    lane.accepted();
    chunk.forEach((item, index) => {
      const jobId = outcome.enqueued[index]?.id;
      this.#settle(item, { status: 'started', ...(jobId !== undefined && { jobId }) });
    });
    this.#begin(lane);
  }

  #laneOf(functionName: string): Lane {
    const known = this.#lanes.get(functionName);
    if (known) return known;
    const lane = new Lane(functionName);
    this.#lanes.set(functionName, lane);
    return lane;
  }

  #begin(lane: Lane): void {
    if (lane.isUnderWay || lane.pause || !this.isOpen) return;
    const { items, jobs } = this.#take(lane);
    if (items.length === 0) {
      if (lane.size === 0) this.#lanes.delete(lane.function);
      return;
    }
    const { isDeployed, enqueue, sent } = this.#parts;
    if (!isDeployed(lane.function)) return this.#refused(lane, items, notDeployedNow(lane.function));
    lane.isUnderWay = true;
    enqueue(lane.function, jobs).then(
      (enqueued) => sent({ lane, chunk: items, outcome: { kind: 'accepted', enqueued } }),
      (thrown: unknown) => sent({ lane, chunk: items, outcome: { kind: 'refused', error: toTroupeError(thrown) } }),
    );
  }

  /** The first ones; what need not be started any more, or cannot be, is out of the way afterwards. */
  #take(lane: Lane): Ready {
    const items: LaneItem[] = [];
    const jobs: NewJob[] = [];
    for (let bytes = 0; items.length < lane.chunkSize && bytes < CHUNK_BYTES; ) {
      const item = lane.shift();
      if (!item) break;
      const trigger = this.#parts.triggerOf(item.trigger);
      if (!trigger || item.sequence <= trigger.record.since) {
        this.#settle(item, undefined);
        continue;
      }
      const event = item.event ?? this.#parts.eventOf(item.sequence);
      if (!event) {
        this.#lost(item);
        continue;
      }
      items.push(item.event ? item : { ...item, event });
      if (!item.event) this.#heldBytes += event.payload.length;
      jobs.push(jobOf(trigger, event));
      bytes += event.payload.length;
    }
    return { items, jobs };
  }

  #lost(item: LaneItem): void {
    const error = `Event ${item.sequence} is damaged or missing, and trigger "${item.trigger}" cannot start anything with it.`;
    this.#parts.onFault(error);
    this.#settle(item, { status: 'failed', error });
  }

  #refused(lane: Lane, items: readonly LaneItem[], error: TroupeError): void {
    const { wallMs, random, after, onFault } = this.#parts;
    const { pauseMs, isToBeTold, givenUp } = lane.refused(items, { error, nowMs: wallMs(), random });
    for (const item of givenUp) this.#settle(item, { status: 'failed', error: error.message });
    if (isToBeTold)
      onFault(
        `Triggers cannot start "${lane.function}", and go on trying for a day; ${lane.size} events wait. ${error.message}`,
      );
    lane.pause = after(pauseMs, () => {
      lane.pause = undefined;
      this.#begin(lane);
    });
  }

  #settle(
    item: LaneItem,
    end: { readonly status: TriggerDelivery['status']; readonly jobId?: string; readonly error?: string } | undefined,
  ): void {
    const { sequence, trigger, event } = item;
    this.#size--;
    add(this.#bySequence, sequence, -1);
    add(this.#byTrigger, trigger, -1);
    if (event) this.#heldBytes -= event.payload.length;
    const { source = '', id = '', type = '' } = event ?? (end && this.#parts.eventOf(sequence)) ?? {};
    const delivery = end && { source, id, type, atMs: this.#parts.wallMs(), ...end };
    this.#parts.settled({ sequence, trigger, delivery });
  }
}

function jobOf({ name, job }: ActiveTrigger, event: EventRecord): NewJob {
  return {
    ...job,
    payload: event.payload,
    idempotencyKey: deliveryKey(name, event),
    idempotencyWindowMs: ONCE_WINDOW_MS,
  };
}

function add<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
