import { beforeEach, describe, expect, it } from 'vitest';
import type { TroupeError } from '../../src/errors.ts';
import type { Invocation } from '../../src/instance-runtime/invocation.ts';
import { IDLE_MS, type Lease, PeerCalls } from '../../src/instance-runtime/peer-calls.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { decodeCallMeta } from '../../src/transport/call-meta.ts';
import { decodeMeta, encodeMeta } from '../../src/transport/codec.ts';
import { createLeaseWord, LeaseWord } from '../../src/transport/lease-word.ts';
import { createLocalChannelPair } from '../../src/transport/local-channel.ts';
import {
  type LeaseGrant,
  OUTCOME_FIELDS,
  OUTCOME_STATUSES,
  type PeerReport,
  type ResumedCall,
} from '../../src/transport/peer-protocol.ts';
import { type CancelMeta, type Channel, EMPTY, FRAME_KINDS, type Frame } from '../../src/transport/protocol.ts';

const GRANT: LeaseGrant = {
  type: 'leaseGranted',
  link: 7,
  after: 1,
  functionName: 'f',
  functionVersion: 3,
  instanceId: 'f-3-1',
  leasedUnder: 9,
  id: 'run-9',
  timeoutMs: 1_000,
  maxCallDepth: 4,
  cancelGraceMs: 100,
};

let clock: VirtualClock;
let word: LeaseWord;
let callee: Channel;
let peers: PeerCalls;
let reports: PeerReport[];
let outcomes: { count?: number; status?: string; depth?: number; totalMs?: number; runMs?: number; agoMs?: number }[];
let events: unknown[];
let received: Frame[];
let waiting: number;
let lease: Lease | undefined;

function awaits(_whom: 'peer' | 'host', change: number): void {
  waiting += change;
}
const parent = (depth = 0) => ({ meta: { depth }, lane: { awaits } }) as unknown as Invocation;

beforeEach(async () => {
  clock = new VirtualClock();
  reports = [];
  outcomes = [];
  events = [];
  received = [];
  waiting = 0;
  peers = new PeerCalls({
    clock,
    report: (report, payload) => {
      reports.push(report);
      if (report.type !== 'callsEnded' || !payload) return;
      const values = new Float64Array(payload.buffer, payload.byteOffset, payload.byteLength / 8);
      for (let at = 0; at < values.length; at += OUTCOME_FIELDS.length) {
        const field = (name: keyof typeof OUTCOME_FIELDS) => values[at + OUTCOME_FIELDS[name]] ?? Number.NaN;
        const [count, depth, totalMs, runMs, agoMs] = (['count', 'depth', 'totalMs', 'runMs', 'agoMs'] as const).map(
          field,
        );
        outcomes.push({ count, depth, totalMs, runMs, agoMs, status: OUTCOME_STATUSES[field('status')] } as never);
      }
    },
    events: {
      succeeded: (call, payload) => void events.push({ call, payload: [...payload] }),
      timedOut: (call, error: TroupeError) => void events.push({ call, code: error.code }),
      resume: (call, { idempotencyKey }, resumed: ResumedCall) => void events.push({ call, idempotencyKey, resumed }),
    },
  });
  const shared = createLeaseWord();
  word = new LeaseWord(shared);
  const [near, far] = createLocalChannelPair();
  callee = far;
  callee.onFrame((frame) => received.push(frame));
  peers.join(GRANT.link, near, new LeaseWord(shared));
  word.lease();
  lease = peers.leaseFor(GRANT);
  if (lease) peers.activate(lease);
});

const begin = (call: number, rest: Partial<Parameters<PeerCalls['begin']>[1]> = {}) =>
  peers.begin(call, {
    parent: parent(),
    name: 'f',
    payload: new Uint8Array([call]),
    timeoutMs: 10_000,
    idempotencyKey: undefined,
    ...rest,
  });
/** What the callee does when its function has returned. */
const answer = async (call: number, kind: Frame['kind'] = FRAME_KINDS.result, meta: Uint8Array = EMPTY) => {
  word.end();
  callee.send({ kind, port: 0, call, argument: 2, meta, payload: new Uint8Array([call + 1]) });
  await clock.advance(0);
};

describe('calls between instances', () => {
  it('go over the link while it is leased, one at a time, and are reported with their times', async () => {
    expect(begin(1, { idempotencyKey: 'k', parent: parent(2) })).toBe(true);
    expect(begin(2)).toBe(false);
    expect(waiting).toBe(1);
    await clock.advance(3);
    expect(received).toMatchObject([{ kind: FRAME_KINDS.invoke, call: 1, argument: 1_000 }]);
    const meta = decodeCallMeta(received[0]?.meta ?? EMPTY);
    expect(meta).toEqual({ id: 'run-9.1', mode: 'value', attempt: 1, depth: 3, key: 'k' });
    await answer(1);
    expect(events).toEqual([{ call: 1, payload: [2] }]);
    expect(waiting).toBe(0);
    await clock.advance(5);
    expect(begin(3)).toBe(true);
    await answer(3);
    peers.flush();
    expect(outcomes).toEqual([
      { count: 1, status: 'succeeded', depth: 3, totalMs: 3, runMs: 2, agoMs: 5 },
      { count: 2, status: 'succeeded', depth: 1, totalMs: 0, runMs: 2, agoMs: 0 },
    ]);
    expect(reports[0]).toMatchObject({ functionName: 'f', functionVersion: 3, instanceId: 'f-3-1', leasedUnder: 9 });
  });

  it('are reported soon though nobody asks', async () => {
    begin(1);
    await answer(1);
    await clock.advance(50);
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]?.agoMs).toBeGreaterThan(0);
  });

  it('go by the host for other functions, beyond the depth limit, and after the slot was taken back', async () => {
    expect(begin(1, { name: 'g' })).toBe(false);
    expect(begin(1, { parent: parent(4) })).toBe(false);
    expect(begin(1, { parent: parent(3) })).toBe(true);
    expect(word.revoke(false)).toBe('later');
    // The callee frees a slot that is wanted, and says so itself.
    expect(word.end()).toBe(true);
    expect(begin(2)).toBe(false);
    expect(word.isNone).toBe(true);
    expect(reports).toEqual([]);
  });

  it('begin no more once the host has said that it wants the slot back, though the word does not say so yet', async () => {
    begin(1);
    peers.revoked(GRANT.link);
    await answer(1);
    expect(begin(2)).toBe(false);
    // The agent's turn: nobody else has reported the slot.
    expect(word.revoke(false)).toBe('freed');
    expect(reports.filter(({ type }) => type === 'leaseReturned')).toEqual([]);
    word.lease();
    const next = peers.leaseFor(GRANT);
    if (next) peers.activate(next);
    expect(begin(3)).toBe(true);
  });

  it('do not begin under a lease that was taken back before its first call was answered', () => {
    word.revoke(false);
    word.lease();
    const next = peers.leaseFor(GRANT);
    peers.revoked(GRANT.link);
    if (next) peers.activate(next);
    expect(begin(1)).toBe(false);
    expect(word.revoke(false)).toBe('freed');
  });

  it('end at their limit, and a callee that goes on is reported once', async () => {
    begin(1, { timeoutMs: 300 });
    await clock.advance(299);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual([{ call: 1, code: 'TIMEOUT' }]);
    expect(received[1]?.kind).toBe(FRAME_KINDS.cancel);
    expect(decodeMeta<CancelMeta>(received[1]?.meta ?? EMPTY).reason).toBe('timeout');
    await clock.advance(99);
    expect(reports.some(({ type }) => type === 'calleeStuck')).toBe(false);
    await clock.advance(1_000);
    expect(reports.filter(({ type }) => type === 'calleeStuck')).toEqual([{ type: 'calleeStuck', link: 7 }]);
    expect(outcomes).toMatchObject([{ count: 1, status: 'TIMEOUT', totalMs: 300 }]);
    expect(begin(2)).toBe(false);
    // Its answer changes nothing any more but that the slot is free.
    await answer(1);
    expect(events).toHaveLength(1);
    expect(waiting).toBe(0);
  });

  it('are cancelled at the callee, which may still answer', async () => {
    begin(1);
    expect(peers.cancel(2)).toBe(false);
    expect(peers.cancel(1)).toBe(true);
    expect(peers.cancel(1)).toBe(false);
    await answer(1, FRAME_KINDS.failure, encodeMeta({ name: 'Error', message: 'cancelled' }));
    await clock.advance(500);
    expect(events).toEqual([]);
    expect(outcomes).toMatchObject([{ count: 1, status: 'CANCELLED' }]);
    expect(reports.some(({ type }) => type === 'calleeStuck')).toBe(false);
  });

  it('are ended by the host when the function fails or the callee is lost', async () => {
    begin(1, { idempotencyKey: 'k' });
    await clock.advance(10);
    const error = { name: 'RangeError', message: 'far' };
    await answer(1, FRAME_KINDS.failure, encodeMeta(error));
    const expected = { link: 7, count: 1, timeoutMs: 1_000, elapsedMs: 10 };
    expect(events).toMatchObject([
      { call: 1, idempotencyKey: 'k', resumed: { ...expected, failure: { error, runMs: 2 } } },
    ]);
    begin(2);
    callee.close();
    await clock.advance(0);
    expect(events).toHaveLength(2);
    expect(events[1]).toMatchObject({ call: 2, resumed: { link: 7, count: 2, elapsedMs: 0 } });
    expect(reports).toEqual([{ type: 'linkClosed', link: 7 }]);
    expect(begin(3)).toBe(false);
    expect(waiting).toBe(0);
    expect(outcomes).toEqual([]);
  });

  it('leave a lease that is not used for a while to others, and no timer behind', async () => {
    begin(1);
    await clock.advance(IDLE_MS * 2);
    expect(reports).toEqual([]);
    await answer(1);
    await clock.advance(IDLE_MS - 1);
    expect(begin(2)).toBe(true);
    await answer(2);
    await clock.advance(IDLE_MS * 2);
    expect(reports.filter(({ type }) => type === 'leaseReturned')).toEqual([{ type: 'leaseReturned', link: 7 }]);
    expect(word.isNone).toBe(true);
    await clock.advance(2_000);
    expect(clock.pending).toBe(0);
  });

  it('hand back a lease whose first call did not end well, or that was wanted meanwhile', () => {
    word.surrender();
    word.lease();
    if (lease) peers.decline(lease);
    expect(reports).toEqual([{ type: 'leaseReturned', link: 7 }]);
    word.lease();
    word.revoke(false);
    if (lease) peers.activate(lease);
    expect(reports).toHaveLength(2);
    expect(word.isNone).toBe(true);
  });
});
