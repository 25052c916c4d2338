/**
 * Calls to other instances without the host between: over links to their threads, on slots that the host has leased to this instance.
 *
 * Whether a slot may be used, the word of its lease says, and nothing else; a call that gets none goes by the host. Here a call also has its
 * time limit and its cancellation. What the host has to end, it is asked to: the failure of a function, which it maps to the source, and a call
 * whose callee was lost, which it may try again.
 *
 * Boundary: promises and the calls by the host are `nested-calls.ts`. Time is an argument.
 * Invariants (numbers as in README.md):
 * 10. A leased slot has one call inside at most, and no lease is kept that was not used for `IDLE_MS`.
 * 11. Each call is told to the host once: as an outcome, in batches, or by being resumed there.
 */
import { TroupeError } from '../errors.ts';
import { encodeCallMeta } from '../transport/call-meta.ts';
import { decodeMeta, encodeMeta } from '../transport/codec.ts';
import type { LeaseWord } from '../transport/lease-word.ts';
import {
  type LeaseGrant,
  OUTCOME_FIELDS,
  OUTCOME_STATUSES,
  type PeerCallee,
  type PeerReport,
  type ResumedCall,
} from '../transport/peer-protocol.ts';
import { type CancelMeta, type Channel, EMPTY, FRAME_KINDS, type Frame } from '../transport/protocol.ts';
import type { Invocation } from './invocation.ts';
import { Outbox } from './outbox.ts';

/** A lease that was not used for so long is handed back, so that the instance behind it can serve others, or go. */
export const IDLE_MS = 100;
/** Outcomes wait so long for company, unless the calling invocation ends before. */
const FLUSH_MS = 25;
const MAX_OUTCOMES = 128;

export interface PeerClock {
  nowMs(): number;
  /** Calls back once, after `delayMs` or later, and does not keep the thread alive. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Where a call over a link ends. `call` is the number that it was begun under. */
export interface PeerCallEvents {
  succeeded(call: number, payload: Uint8Array): void;
  /** It took too long. Its callee was told. */
  timedOut(call: number, error: TroupeError): void;
  /** The host has to end it. */
  resume(call: number, options: PeerCallOptions, resumed: ResumedCall): void;
}

export interface PeerCallOptions {
  readonly parent: Invocation;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
  readonly idempotencyKey: string | undefined;
}

interface Link {
  readonly id: number;
  readonly channel: Channel;
  readonly outbox: Outbox;
  readonly word: LeaseWord;
  /** The latest lease on it. */
  granted: Lease | undefined;
}

/** What was granted, as long as it holds. */
export interface Lease {
  readonly link: Link;
  readonly grant: LeaseGrant;
  calls: number;
  lastUsedMs: number;
  /** The host wants it back: its agent takes it, or whoever ends the call inside. */
  isRevoked: boolean;
}

interface OpenCall extends PeerCallOptions {
  readonly call: number;
  readonly lease: Lease;
  readonly count: number;
  readonly startMs: number;
  /** Of the call; once it was given up, of its callee. */
  deadlineMs: number;
  isGivenUp: boolean;
}

interface PeerCallsOptions {
  readonly clock: PeerClock;
  readonly events: PeerCallEvents;
  /** Sends to the host, in order. */
  readonly report: (report: PeerReport, payload?: Uint8Array) => void;
}

export class PeerCalls {
  readonly #clock: PeerClock;
  readonly #events: PeerCallEvents;
  readonly #report: PeerCallsOptions['report'];
  readonly #links = new Map<number, Link>();
  readonly #leases = new Map<string, Lease[]>();
  /** One for each lease, hardly ever more. An array: a Map that takes and gives one call after another is replaced all the time. */
  #open: OpenCall[] = [];
  /** Of one lease: another one flushes them. */
  #outcomes: number[] = [];
  #outcomesOf: Lease | undefined;
  #armedMs = Number.POSITIVE_INFINITY;
  #disarm: () => void = () => {};

  constructor({ clock, events, report }: PeerCallsOptions) {
    this.#clock = clock;
    this.#events = events;
    this.#report = report;
  }

  /** Takes the calling end of a link. */
  join(id: number, channel: Channel, word: LeaseWord): void {
    const link: Link = { id, channel, word, outbox: new Outbox(channel), granted: undefined };
    this.#links.set(id, link);
    channel.onFrame((frame) => this.#receive(link, frame));
    channel.onClose(() => this.#closed(link));
  }

  unlink(id: number): void {
    this.#links.get(id)?.channel.close();
  }

  /** The lease that this grant will be, undefined when the link has gone since. It is used after `activate`. */
  leaseFor(grant: LeaseGrant): Lease | undefined {
    const link = this.#links.get(grant.link);
    if (link) {
      link.granted = { link, grant, calls: 0, lastUsedMs: 0, isRevoked: false };
      return link.granted;
    }
    this.#report({ type: 'leaseReturned', link: grant.link });
    return undefined;
  }

  /** No call begins under the lease any more. The slot stays as its word says: the agent was told too, and reports what it finds. */
  revoked(id: number): void {
    const link = this.#links.get(id);
    if (!link?.granted) return;
    link.granted.isRevoked = true;
    this.#forgetAll(link);
  }

  /** The call that had the slot has been answered: the slot is this instance's now, unless it was wanted back meanwhile. */
  activate(lease: Lease): void {
    const { link, grant } = lease;
    if (link.word.end()) return this.#returned(link);
    if (!this.#links.has(link.id) || lease.isRevoked) return;
    lease.lastUsedMs = this.#clock.nowMs();
    // An earlier lease on the same link is over, though nobody may have looked since.
    this.#forgetAll(link);
    const known = this.#leases.get(grant.functionName);
    if (known) known.push(lease);
    else this.#leases.set(grant.functionName, [lease]);
    this.#arm(lease.lastUsedMs + IDLE_MS);
  }

  /** Whether that call has left is not known: the host knows. */
  decline({ link }: Lease): void {
    if (link.word.surrender()) this.#returned(link);
  }

  /** False when no slot is free: the call goes by the host. */
  begin(call: number, options: PeerCallOptions): boolean {
    const leases = this.#leases.get(options.name);
    if (!leases) return false;
    for (const lease of leases) {
      const { word } = lease.link;
      if (word.begin()) {
        if (this.#send(call, lease, options)) return true;
        if (word.end()) this.#returned(lease.link);
      } else if (word.isNone) this.#forget(lease);
    }
    return false;
  }

  /** False when the call is not inside a callee of this instance. */
  cancel(call: number): boolean {
    const open = this.#open.find((each) => each.call === call);
    if (!open || open.isGivenUp) return false;
    this.#giveUp(open, 'CANCELLED');
    return true;
  }

  /** Tells the host what has ended. */
  flush(): void {
    const lease = this.#outcomesOf;
    if (!lease) return;
    const outcomes = Float64Array.from(this.#outcomes);
    const nowMs = this.#clock.nowMs();
    const { length, agoMs } = OUTCOME_FIELDS;
    for (let at = agoMs; at < outcomes.length; at += length) outcomes[at] = nowMs - (outcomes[at] ?? nowMs);
    this.#outcomes = [];
    this.#outcomesOf = undefined;
    this.#report({ type: 'callsEnded', ...calleeOf(lease) }, new Uint8Array(outcomes.buffer));
  }

  #send(call: number, lease: Lease, options: PeerCallOptions): boolean {
    const { parent, payload, idempotencyKey: key } = options;
    const { link, grant } = lease;
    const depth = parent.meta.depth + 1;
    if (depth > grant.maxCallDepth || link.outbox.isFull) return false;
    const count = lease.calls + 1;
    const timeoutMs = Math.max(1, Math.min(options.timeoutMs, grant.timeoutMs));
    const id = `${grant.id}.${count}`;
    const meta = encodeCallMeta({ id, mode: 'value', attempt: 1, depth, ...(key === undefined ? {} : { key }) });
    const frame: Frame = { kind: FRAME_KINDS.invoke, port: 0, call, argument: timeoutMs, meta, payload };
    const startMs = this.#clock.nowMs();
    if (link.channel.send(frame) !== 'sent') return false;
    lease.calls = count;
    lease.lastUsedMs = startMs;
    const deadlineMs = startMs + timeoutMs;
    const { name } = options;
    const isGivenUp = false;
    this.#open.push({
      call,
      lease,
      count,
      startMs,
      deadlineMs,
      isGivenUp,
      parent,
      name,
      payload,
      timeoutMs,
      idempotencyKey: key,
    });
    parent.lane.awaits('peer', 1);
    if (deadlineMs < this.#armedMs) this.#arm(deadlineMs);
    return true;
  }

  #receive(link: Link, { kind, call, argument, meta, payload }: Frame): void {
    if (kind !== FRAME_KINDS.result && kind !== FRAME_KINDS.failure) return;
    const index = this.#open.findIndex((each) => each.call === call && each.lease.link === link);
    const [open] = index < 0 ? [] : this.#open.splice(index, 1);
    if (!open) return;
    if (open.isGivenUp) return;
    open.parent.lane.awaits('peer', -1);
    if (kind === FRAME_KINDS.failure) {
      return this.#resume(open, { failure: { error: decodeMeta(meta), runMs: argument } });
    }
    this.#ended(open, 'succeeded', argument);
    this.#events.succeeded(call, payload);
  }

  /** Its callee has died, or the host wants the link no more. */
  #closed(link: Link): void {
    this.#links.delete(link.id);
    this.#forgetAll(link);
    const lost = this.#open.filter((open) => open.lease.link === link);
    this.#open = this.#open.filter((open) => open.lease.link !== link);
    for (const open of lost) {
      if (open.isGivenUp) continue;
      open.parent.lane.awaits('peer', -1);
      this.#resume(open, {});
    }
    this.#report({ type: 'linkClosed', link: link.id });
  }

  #resume(open: OpenCall, how: Pick<ResumedCall, 'failure'>): void {
    const { call, lease, timeoutMs, startMs } = open;
    const elapsedMs = this.#clock.nowMs() - startMs;
    this.#events.resume(call, open, {
      link: lease.link.id,
      callee: calleeOf(lease),
      count: open.count,
      timeoutMs,
      elapsedMs,
      ...how,
    });
  }

  /** Nobody waits for it any more; its callee is told, and has a while to stop. */
  #giveUp(open: OpenCall, status: 'TIMEOUT' | 'CANCELLED'): void {
    const { call, lease, parent } = open;
    const nowMs = this.#clock.nowMs();
    open.isGivenUp = true;
    open.deadlineMs = nowMs + lease.grant.cancelGraceMs;
    parent.lane.awaits('peer', -1);
    const meta = encodeMeta({ reason: status === 'TIMEOUT' ? 'timeout' : 'cancelled' } satisfies CancelMeta);
    lease.link.outbox.post({ kind: FRAME_KINDS.cancel, port: 0, call, argument: 0, meta, payload: EMPTY });
    this.#ended(open, status, 0);
    this.#arm(open.deadlineMs);
  }

  #ended({ lease, count, parent, startMs }: OpenCall, status: (typeof OUTCOME_STATUSES)[number], runMs: number): void {
    const nowMs = this.#clock.nowMs();
    lease.lastUsedMs = nowMs;
    if (this.#outcomesOf !== lease) {
      this.flush();
      this.#outcomesOf = lease;
      this.#arm(nowMs + FLUSH_MS);
    }
    const depth = parent.meta.depth + 1;
    // In the order of `OUTCOME_FIELDS`.
    this.#outcomes.push(count, OUTCOME_STATUSES.indexOf(status), depth, nowMs - startMs, runMs, nowMs);
    if (this.#outcomes.length >= MAX_OUTCOMES * OUTCOME_FIELDS.length) this.flush();
  }

  #forgetAll(link: Link): void {
    for (const lease of [...this.#leases.values()].flat()) if (lease.link === link) this.#forget(lease);
  }

  #forget(lease: Lease): void {
    const { functionName } = lease.grant;
    const left = this.#leases.get(functionName)?.filter((other) => other !== lease) ?? [];
    if (left.length > 0) this.#leases.set(functionName, left);
    else this.#leases.delete(functionName);
  }

  #returned(link: Link): void {
    this.#report({ type: 'leaseReturned', link: link.id });
  }

  /** One timer for all. It stays armed when what it was for is over: one call after another would otherwise set and clear one each. */
  #arm(atMs: number): void {
    if (atMs >= this.#armedMs) return;
    this.#disarm();
    this.#armedMs = atMs;
    this.#disarm = this.#clock.after(Math.max(0, atMs - this.#clock.nowMs()), () => this.#look());
  }

  #look(): void {
    this.#armedMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.nowMs();
    this.flush();
    this.#expire(nowMs);
    this.#handBackIdle(nowMs);
    for (const { deadlineMs } of this.#open) this.#arm(deadlineMs);
    for (const leases of this.#leases.values()) {
      for (const { lastUsedMs } of leases) this.#arm(Math.max(nowMs, lastUsedMs) + IDLE_MS);
    }
  }

  #expire(nowMs: number): void {
    for (const open of [...this.#open]) {
      if (open.deadlineMs > nowMs) continue;
      const { call, name, timeoutMs, lease } = open;
      if (!open.isGivenUp) {
        this.#giveUp(open, 'TIMEOUT');
        this.#events.timedOut(call, timedOut(name, timeoutMs));
      } else {
        // Once: the host ends the callee, and then the link closes.
        open.deadlineMs = Number.POSITIVE_INFINITY;
        this.#report({ type: 'calleeStuck', link: lease.link.id });
      }
    }
  }

  #handBackIdle(nowMs: number): void {
    for (const lease of [...this.#leases.values()].flat()) {
      const { link, lastUsedMs } = lease;
      if (nowMs - lastUsedMs < IDLE_MS) continue;
      if (link.word.handBack()) this.#returned(link);
      if (link.word.isNone) this.#forget(lease);
    }
  }
}

function calleeOf({ grant }: Lease): PeerCallee {
  const { functionName, functionVersion, instanceId, leasedUnder } = grant;
  return { functionName, functionVersion, instanceId, leasedUnder };
}

function timedOut(functionName: string, timeoutMs: number): TroupeError {
  return new TroupeError('TIMEOUT', `"${functionName}" did not answer within ${timeoutMs} ms.`, {
    details: { functionName, timeoutMs, place: 'inside' },
  });
}
