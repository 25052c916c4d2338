/**
 * Between a claim and its place stands the back-off of its group: here a claim is let through to wait for a place, or held until its
 * group may try again. One timer is armed, for the earliest group.
 */
import type { SerializedError } from '../../errors.ts';
import type { CancelTimer, Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import { GroupBackoff } from './backoff-policy.ts';
import type { ClaimRecord, ClusterState, WorkerRecord } from './cluster-state.ts';
import type { ClaimListener } from './protocol.ts';

export type Delay = Omit<Parameters<ClaimListener['claimDelayed']>[0], 'claimId'>;

export interface ClaimGateHost {
  readonly cluster: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  after(delayMs: number, callback: () => void): CancelTimer;
  /** There is something to place. */
  admitted(): void;
  delayed(record: ClaimRecord, delay: Delay): void;
}

export class ClaimGate {
  readonly #host: ClaimGateHost;
  readonly #backoff = new GroupBackoff();
  readonly #held = new Map<string, Set<ClaimRecord>>();
  #cancelTimer: CancelTimer = () => {};
  #armedAtMs = Number.POSITIVE_INFINITY;

  constructor(host: ClaimGateHost) {
    this.#host = host;
  }

  enter(record: ClaimRecord): void {
    const { claimId, spec } = record.claim;
    const admission = this.#backoff.admit(spec.group, { claimId, nowMs: this.#host.clock.nowMs() });
    delete record.told;
    if (admission.admitted) return this.#admit(record);
    this.#host.cluster.holdBack(record);
    const held = this.#held.get(spec.group);
    if (held) held.add(record);
    else this.#held.set(spec.group, new Set([record]));
    this.#arm();
    const { retryInMs, error } = admission;
    this.#host.delayed(record, { reason: 'backing-off', retryInMs, ...(error && { error }) });
  }

  /** The claim lost its worker. Where that did not fail, the claim gives back the turn that its group gave it. */
  enterAgain(record: ClaimRecord): void {
    const { claimId, spec } = record.claim;
    this.#backoff.withdrawn(spec.group, claimId);
    this.enter(record);
  }

  /** The claim was released. Another of its group may take its turn. */
  leave(record: ClaimRecord): void {
    const { claimId, spec } = record.claim;
    const held = this.#held.get(spec.group);
    held?.delete(record);
    if (held?.size === 0) this.#held.delete(spec.group);
    if (this.#backoff.withdrawn(spec.group, claimId)) this.#retry(spec.group);
  }

  failed({ spec, placedAtMs, startedAtMs }: WorkerRecord, error: SerializedError | undefined): void {
    const failure = { atMs: this.#host.clock.nowMs(), placedAtMs, ...(startedAtMs !== undefined && { startedAtMs }) };
    this.#backoff.failed(spec.group, { ...failure, ...(error && { error }) }, this.#host.random);
  }

  approved(group: string): void {
    if (this.#backoff.approved(group)) this.#retry(group);
  }

  /** Lets in as many of the group as its back-off admits, in order of arrival. */
  #retry(group: string): void {
    const held = this.#held.get(group);
    for (const record of [...(held ?? [])].sort((a, b) => a.order - b.order)) {
      const { claimId } = record.claim;
      if (!this.#backoff.admit(group, { claimId, nowMs: this.#host.clock.nowMs() }).admitted) break;
      held?.delete(record);
      this.#admit(record);
    }
    if (held?.size === 0) this.#held.delete(group);
  }

  #admit(record: ClaimRecord): void {
    this.#host.cluster.wait(record);
    this.#host.admitted();
  }

  /** When it fires too early, because a group has failed again since, it is armed again. */
  #arm(): void {
    const nextMs = Math.min(...[...this.#held.keys()].map((group) => this.#backoff.retryAtMs(group)));
    if (nextMs >= this.#armedAtMs) return;
    this.#cancelTimer();
    this.#armedAtMs = nextMs;
    this.#cancelTimer = this.#host.after(nextMs - this.#host.clock.nowMs(), () => {
      this.#armedAtMs = Number.POSITIVE_INFINITY;
      for (const group of [...this.#held.keys()]) this.#retry(group);
      this.#arm();
    });
  }
}
