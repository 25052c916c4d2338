/**
 * Where the facts of one invocation stand, from its arrival until the ledger needs the place for another.
 *
 * Rows are made in blocks and used again and again: a record that lives for ten thousand calls is what a garbage collector handles worst
 * (it was a quarter of the time at full load), and a time in an object of its own would be a heap number each.
 */
import { FifoQueue } from '../kernel/fifo-queue.ts';
import { phasesUs } from './phases.ts';
import { type ColdStartReason, type InvocationRecord, type InvocationStatus, STAMP, type Stamp } from './protocol.ts';

const STAMPS_IN_ROW = Object.keys(STAMP).length;
/** The stamps, and when the call was received by the wall clock. */
const TIMES_IN_ROW = STAMPS_IN_ROW + 1;
const ROWS_IN_BLOCK = 64;

export class InvocationRow {
  readonly #times: Float64Array;
  readonly #start: number;
  readonly #idPrefix: string;
  /** Counts the invocations of this run; a string for each would be what lives longest of a call. */
  number = 0;
  /** Of calls that an instance makes under a lease: they have the number of the call with which the lease began. 0 for others. */
  count = 0;
  functionName = '';
  functionVersion: number | undefined;
  instanceId: string | undefined;
  status: InvocationStatus = 'succeeded';
  coldStart: ColdStartReason | undefined;
  attempt = 1;
  depth = 0;

  constructor(times: Float64Array, start: number, idPrefix: string) {
    this.#times = times;
    this.#start = start;
    this.#idPrefix = idPrefix;
  }

  get id(): string {
    return invocationId(this.#idPrefix, this.number, this.count);
  }

  begin(number: number, receivedMs: number, receivedAtMs: number): void {
    this.number = number;
    this.count = 0;
    const times = this.#times;
    const start = this.#start;
    times[start] = receivedMs;
    for (let stamp = 1; stamp < STAMPS_IN_ROW; stamp++) times[start + stamp] = 0;
    times[start + STAMPS_IN_ROW] = receivedAtMs;
    this.functionVersion = undefined;
    this.instanceId = undefined;
    this.coldStart = undefined;
    this.attempt = 1;
  }

  /** It came with a number of its own. */
  identify(number: number, count: number): void {
    this.number = number;
    this.count = count;
  }

  stamp(stamp: Stamp, atMs: number): void {
    this.#times[this.#start + stamp] = atMs;
  }

  at(stamp: Stamp): number {
    return this.#times[this.#start + stamp] ?? 0;
  }

  /** Milliseconds since the Unix epoch. */
  get receivedAtMs(): number {
    return this.#times[this.#start + STAMPS_IN_ROW] ?? 0;
  }

  /** From its arrival to its answer. */
  get durationMs(): number {
    return this.at(STAMP.replied) - this.at(STAMP.received);
  }

  toRecord(): InvocationRecord {
    const { functionVersion, instanceId, coldStart } = this;
    return {
      id: this.id,
      functionName: this.functionName,
      ...(functionVersion === undefined ? {} : { functionVersion }),
      ...(instanceId === undefined ? {} : { instanceId }),
      status: this.status,
      ...(coldStart ? { coldStart } : {}),
      attempt: this.attempt,
      depth: this.depth,
      receivedAtMs: this.receivedAtMs,
      phasesUs: phasesUs(this.#times.subarray(this.#start, this.#start + STAMPS_IN_ROW)),
      totalUs: Math.round(this.durationMs * 1e6) / 1e3,
    };
  }
}

/** Unique for ever where no other run has the prefix. */
export function invocationId(prefix: string, number: number, count = 0): string {
  const id = `${prefix}-${number.toString(36)}`;
  return count === 0 ? id : `${id}.${count}`;
}

/** The rows that nobody uses. */
export class FreeRows {
  readonly #rows = new FifoQueue<InvocationRow>();
  readonly #idPrefix: string;

  constructor(idPrefix: string) {
    this.#idPrefix = idPrefix;
  }

  take(): InvocationRow {
    const row = this.#rows.shift();
    if (row) return row;
    this.#addBlock();
    return this.take();
  }

  give(row: InvocationRow): void {
    this.#rows.push(row);
  }

  #addBlock(): void {
    const times = new Float64Array(ROWS_IN_BLOCK * TIMES_IN_ROW);
    for (let row = 0; row < ROWS_IN_BLOCK; row++) {
      this.#rows.push(new InvocationRow(times, row * TIMES_IN_ROW, this.#idPrefix));
    }
  }
}
