/** Enters calls between instances into the ledger, from what the calling instance reports of them. */
import type { Clock } from '../../kernel/clock.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { STAMP } from '../../ledger/protocol.ts';
import { OUTCOME_FIELDS, OUTCOME_STATUSES, type PeerCallee } from '../../transport/peer-protocol.ts';

/** What instances have done for each other. */
export interface PeerWork {
  readonly calls: number;
  readonly busyMs: number;
}

interface Books {
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** Times are counted back from now. All that was not running was the way there and back. Answers how many there were, and their whole time. */
export function recordOutcomes({ ledger, clock }: Books, callee: PeerCallee, payload: Uint8Array): PeerWork {
  const { length, ...fields } = OUTCOME_FIELDS;
  const count = Math.floor(payload.byteLength / (length * Float64Array.BYTES_PER_ELEMENT));
  const values = new Float64Array(count * length);
  new Uint8Array(values.buffer).set(payload.subarray(0, values.byteLength));
  const nowMs = clock.nowMs();
  const wallMs = clock.wallMs();
  let busyMs = 0;
  for (let outcome = 0; outcome < count; outcome++) {
    const field = (name: keyof typeof fields) => values[outcome * length + fields[name]] ?? 0;
    const agoMs = field('agoMs');
    const totalMs = field('totalMs');
    busyMs += totalMs;
    const repliedMs = nowMs - agoMs;
    const receivedMs = repliedMs - totalMs;
    const row = ledger.open(receivedMs, wallMs - agoMs - totalMs);
    for (const stamp of [STAMP.routed, STAMP.dequeued, STAMP.placed, STAMP.started, STAMP.specialised]) {
      row.stamp(stamp, receivedMs);
    }
    row.stamp(STAMP.delivered, repliedMs - field('runMs'));
    row.stamp(STAMP.finished, repliedMs);
    row.stamp(STAMP.replied, repliedMs);
    row.identify(callee.leasedUnder, field('count'));
    row.functionName = callee.functionName;
    row.functionVersion = callee.functionVersion;
    row.instanceId = callee.instanceId;
    row.status = OUTCOME_STATUSES[field('status')] ?? 'succeeded';
    row.depth = field('depth');
    ledger.close(row);
  }
  return { calls: count, busyMs };
}
