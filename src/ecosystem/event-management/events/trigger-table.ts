/** The triggers that there are: what each starts, how often it has, and which of them an event fires. What is here is on disk. */
import { EMPTY } from '../../../transport/protocol.ts';
import { newJob } from '../jobs/job-options.ts';
import type { NewJob } from '../jobs/queue-protocol.ts';
import type { CloudEvent, Trigger } from '../protocol.ts';
import { type CountsRecord, NO_COUNTS, type TriggerRecord } from './event-record.ts';
import { TriggerIndex } from './matching.ts';

export interface ActiveTrigger {
  readonly name: string;
  readonly record: TriggerRecord;
  /** What it enqueues, but for payload and key. */
  readonly job: NewJob;
  counts: CountsRecord;
}

export class TriggerTable {
  readonly #index = new TriggerIndex<ActiveTrigger>();

  get size(): number {
    return this.#index.size;
  }

  get(name: string): ActiveTrigger | undefined {
    return this.#index.get(name);
  }

  /** By name. */
  all(): ActiveTrigger[] {
    return this.#index.values().sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  set(name: string, record: TriggerRecord, counts: CountsRecord = this.get(name)?.counts ?? NO_COUNTS): void {
    this.#index.set(name, record.filters, { name, record, job: newJob(EMPTY, record.job), counts });
  }

  delete(name: string): void {
    this.#index.delete(name);
  }

  matching(event: CloudEvent): ActiveTrigger[] {
    return this.#index.matching(event);
  }
}

export function triggerOf({ name, record }: Pick<ActiveTrigger, 'name' | 'record'>): Trigger {
  const { function: functionName, filters, job, createdAtMs } = record;
  return { name, function: functionName, filters, ...(job && { job }), createdAtMs };
}

/** Setting it again would change nothing. */
export function isSame(
  one: Pick<TriggerRecord, 'function' | 'filters' | 'job'>,
  other: Pick<TriggerRecord, 'function' | 'filters' | 'job'>,
): boolean {
  const textOf = ({ function: name, filters, job = {} }: typeof one) => JSON.stringify([name, filters, sorted(job)]);
  return textOf(one) === textOf(other);
}

function sorted(job: object): unknown {
  return Object.entries(job).sort(([one], [other]) => (one < other ? -1 : 1));
}
