/**
 * One version as the deployer keeps it: how many instances it should have, and the claims that stand for them. Pure: it decides which
 * claims to make and to give up; the actor acts.
 */
import type { ColdStartReason } from '../../ledger/protocol.ts';
import type { FunctionVersion } from '../registry/protocol.ts';
import { coldStartReason } from './cold-start-reason.ts';

export interface ClaimEntry {
  readonly claimId: string;
  /** Why its next, or present, instance is started. */
  reason: ColdStartReason;
  state: 'waiting' | 'starting' | 'ready' | 'retiring';
  instanceId: string | undefined;
}

export class Deployment {
  readonly version: FunctionVersion;
  readonly claims = new Map<string, ClaimEntry>();
  #target = 0;
  /** After an eviction the version gets no instance back for calls that may come, only for calls that have come. */
  #ceiling = Number.POSITIVE_INFINITY;
  #hadInstances = false;
  #replacements = 0;
  #claimCount = 0;

  constructor(version: FunctionVersion) {
    this.version = version;
  }

  get group(): string {
    return `${this.version.name}@${this.version.version}`;
  }

  get hadInstances(): boolean {
    return this.#hadInstances;
  }

  get target(): number {
    return Math.min(this.#target, this.#ceiling);
  }

  retarget(instances: number, demanded: boolean): void {
    this.#target = instances;
    if (demanded) this.#ceiling = Number.POSITIVE_INFINITY;
  }

  get hasReady(): boolean {
    for (const { state } of this.claims.values()) if (state === 'ready') return true;
    return false;
  }

  /** Claims that stand for an instance that is, or will be, taking calls. */
  get live(): number {
    let live = 0;
    for (const { state } of this.claims.values()) if (state !== 'retiring') live++;
    return live;
  }

  /** The claims to make so that as many live as are wanted. */
  claimMissing(functionHadInstances: boolean): ClaimEntry[] {
    const made: ClaimEntry[] = [];
    while (this.live < this.target) {
      const entry: ClaimEntry = {
        claimId: `${this.group}#${++this.#claimCount}`,
        reason: coldStartReason({
          replaces: this.#replacements > 0,
          others: this.live,
          versionHadInstances: this.#hadInstances,
          functionHadInstances,
        }),
        state: 'waiting',
        instanceId: undefined,
      };
      this.#replacements = Math.max(0, this.#replacements - 1);
      this.claims.set(entry.claimId, entry);
      made.push(entry);
    }
    return made;
  }

  /** Of the claims over the target, those that have no instance yet, youngest first: giving them up interrupts nobody. */
  surplusWithoutInstance(): ClaimEntry[] {
    const surplus = Math.max(0, this.live - this.target);
    const idle = [...this.claims.values()].filter(({ state }) => state === 'waiting').reverse();
    return idle.slice(0, surplus);
  }

  started(entry: ClaimEntry, instanceId: string): void {
    entry.state = 'starting';
    entry.instanceId = instanceId;
  }

  ready(entry: ClaimEntry): void {
    if (entry.state === 'starting') entry.state = 'ready';
    this.#hadInstances = true;
  }

  /** The worker was lost, the claim stands: its next instance is a replacement. */
  lost(entry: ClaimEntry): void {
    entry.reason = 'replaced';
    entry.state = 'waiting';
    entry.instanceId = undefined;
  }

  /** The claim is given up because its instance was of no use any more: the next claim stands in for it. */
  discard(entry: ClaimEntry): void {
    this.claims.delete(entry.claimId);
    this.#replacements++;
  }

  /** Claims that still wait for room go as well: they stand for calls that may come, and would wait longer than a fresh claim for one. */
  evicted(): void {
    this.#ceiling = Math.max(this.version.config.minInstances, this.#placed - 1);
  }

  /** No more instances than there are until the autoscaler wants them again: what was tried last does not start. */
  standDown(): void {
    this.#target = Math.min(this.#target, this.#placed);
  }

  /** Claims with an instance that takes calls, or is being made ready to. */
  get #placed(): number {
    let placed = 0;
    for (const { state } of this.claims.values()) if (state === 'starting' || state === 'ready') placed++;
    return placed;
  }
}
