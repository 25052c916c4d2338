/** The claims whose group is backing off, and the one timer that lets them in again. */
import type { CancelTimer, Clock } from '../../kernel/clock.ts';
import type { GroupBackoff } from './backoff-policy.ts';
import type { ClaimRecord } from './cluster-state.ts';

export interface HeldClaimsHost {
  readonly clock: Clock;
  readonly backoff: GroupBackoff;
  after(delayMs: number, callback: () => void): CancelTimer;
  /** The claim may be placed. */
  admitted(record: ClaimRecord): void;
}

export class HeldClaims {
  readonly #host: HeldClaimsHost;
  readonly #byGroup = new Map<string, Set<ClaimRecord>>();
  #cancelTimer: CancelTimer = () => {};
  #armedAtMs = Number.POSITIVE_INFINITY;

  constructor(host: HeldClaimsHost) {
    this.#host = host;
  }

  add(record: ClaimRecord): void {
    const { group } = record.claim.spec;
    const held = this.#byGroup.get(group);
    if (held) held.add(record);
    else this.#byGroup.set(group, new Set([record]));
    this.#arm();
  }

  remove(record: ClaimRecord): void {
    const { group } = record.claim.spec;
    const held = this.#byGroup.get(group);
    held?.delete(record);
    if (held?.size === 0) this.#byGroup.delete(group);
  }

  /** Lets in as many of the group as its back-off admits, in order of arrival. */
  admit(group: string): void {
    const held = [...(this.#byGroup.get(group) ?? [])].sort((a, b) => a.order - b.order);
    for (const record of held) {
      const { claimId } = record.claim;
      if (!this.#host.backoff.admit(group, { claimId, nowMs: this.#host.clock.nowMs() }).admitted) break;
      this.remove(record);
      this.#host.admitted(record);
    }
  }

  /** One timer, for the earliest group; it is never later than needed, and when it was too early it is armed again. */
  #arm(): void {
    const nextMs = Math.min(...[...this.#byGroup.keys()].map((group) => this.#host.backoff.retryAtMs(group)));
    if (nextMs >= this.#armedAtMs) return;
    this.#cancelTimer();
    this.#armedAtMs = nextMs;
    this.#cancelTimer = this.#host.after(nextMs - this.#host.clock.nowMs(), () => {
      this.#armedAtMs = Number.POSITIVE_INFINITY;
      for (const group of [...this.#byGroup.keys()]) this.admit(group);
      this.#arm();
    });
  }
}
