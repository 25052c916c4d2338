/**
 * Slots of instances that other instances may use without asking: which there are, to whom, and how they come back.
 *
 * A leased slot counts as taken in the ready index from the call under which it was granted, its tenant, until somebody reports it free:
 * exactly one does, for the lease's word says who (`transport/lease-word.ts`). Boundary: part of the router's state, used in its turns;
 * `lease-policy.ts` says when to lease, the router when a slot is wanted back.
 *
 * Invariants (numbers as in README.md):
 * 3. A leased slot counts as a call inside.
 * 8. Every lease ends: returned, taken back, or with one of its two instances.
 */
import type { PeerLink, PeerReport, ResumedCall } from '../../transport/peer-protocol.ts';
import type { InstanceHandle, InstanceLoss } from '../instance/protocol.ts';
import type { Call } from './call.ts';
import { LeasePolicy, MAX_LEASES, MAX_LINKS } from './lease-policy.ts';
import type { VersionRoute } from './version-route.ts';

export interface LeasesOptions {
  readonly maxCallDepth: number;
  readonly cancelGraceMs: number;
  readonly nowMs: () => number;
  /** Whether all calls for its function go to this version. */
  readonly leadsOnlyTo: (route: VersionRoute) => boolean;
  readonly after: (delayMs: number, callback: () => void) => void;
  /** A slot of the instance has come back. */
  readonly slotFree: (instanceId: string) => void;
  /** Calls wait for a slot that comes back later, if at all. */
  readonly notYet: (route: VersionRoute) => void;
  /** The instance does not stop a call that nobody waits for. */
  readonly stuck: (instance: InstanceHandle) => void;
  /** The call was inside an instance that was lost. */
  readonly lost: (call: Call, loss: InstanceLoss) => void;
}

interface Lease {
  readonly route: VersionRoute;
  /** Has the slot first. Undefined once it has left. */
  tenant: Call | undefined;
  isWanted: boolean;
}

interface Link {
  readonly id: number;
  readonly caller: InstanceHandle;
  readonly callee: InstanceHandle;
  /** Undefined while it is being made. */
  peer: PeerLink | undefined;
  /** Whether the agent has let the caller use a slot, so that it may be told. Where that takes a while, a later call is told with. */
  agentLease: 'none' | 'asked' | 'made';
  /** Its caller uses it no more, or will not: no lease is granted on it. */
  isOver: boolean;
  lease: Lease | undefined;
  /** Of the callee. */
  loss: InstanceLoss | undefined;
  /** Calls that were inside the callee, until its loss is known. */
  readonly resumed: Set<Call>;
  lastUsedMs: number;
}

export class Leases {
  readonly #options: LeasesOptions;
  readonly #policy = new LeasePolicy();
  /** All that may call or be called. */
  readonly #instances = new Map<string, InstanceHandle>();
  readonly #links = new Map<number, Link>();
  /** By caller, then by callee. */
  readonly #pairs = new Map<string, Map<string, Link>>();
  readonly #byTenant = new Map<Call, Link>();
  /** Slots asked back whose fate is not known yet; they may be free in a moment. */
  readonly #coming = new Map<VersionRoute, number>();
  #lastId = 0;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** How many of the calls that wait may be taken by slots that were asked back a moment ago. */
  coming(route: VersionRoute): number {
    return this.#coming.get(route) ?? 0;
  }

  instanceReady(handle: InstanceHandle): void {
    if (handle.peers) this.#instances.set(handle.instanceId, handle);
  }

  /** A call was given to an instance, with no other waiting. */
  dispatched(call: Call, callee: InstanceHandle, route: VersionRoute): void {
    const { from, functionName } = call.request;
    if (!from) return;
    const caller = this.#instances.get(from.instanceId);
    if (!caller?.peers || !callee.peers) return;
    const nowMs = this.#options.nowMs();
    if (!this.#policy.calls(caller.instanceId, functionName, nowMs)) return;
    const isPossible = caller.agentId === callee.agentId && caller.instanceId !== callee.instanceId;
    // Ids under the lease begin with the id of the call: it grants once.
    if (
      !isPossible ||
      call.tries > 1 ||
      this.#policy.isPaused(keyOf(route), nowMs) ||
      !this.#options.leadsOnlyTo(route)
    )
      return;
    const link = this.#pairs.get(caller.instanceId)?.get(callee.instanceId);
    if (link) this.#grant(link, call, route, from.call);
    else this.#makeLink(caller, callee);
  }

  /** True when the slot of a call that has left stays leased. */
  keepsSlot(call: Call): boolean {
    const lease = this.#byTenant.get(call)?.lease;
    if (!lease) return false;
    this.#byTenant.delete(call);
    lease.route.touch(this.#options.nowMs());
    lease.tenant = undefined;
    lease.route.lent++;
    return true;
  }

  /** Calls wait: asks for one more leased slot of the version. */
  reclaim(route: VersionRoute): void {
    if (route.leased === 0) return;
    this.#policy.contested(keyOf(route), this.#options.nowMs());
    for (const link of this.#links.values()) {
      if (link.lease?.route !== route || link.lease.isWanted) continue;
      return this.#revoke(link);
    }
  }

  /** Slots that nobody uses, so that their instances can be seen to be idle. */
  reclaimIdle(): void {
    for (const link of this.#links.values()) {
      const { lease, peer } = link;
      if (!lease || lease.isWanted) continue;
      peer?.revoke(true, (outcome) => {
        if (outcome === 'freed' && link.lease === lease) this.#ended(link);
      });
    }
  }

  revokeWhere(isOver: (route: VersionRoute, callee: InstanceHandle) => boolean): void {
    for (const link of this.#links.values()) {
      if (link.lease && !link.lease.isWanted && isOver(link.lease.route, link.callee)) this.#revoke(link);
    }
  }

  report(instanceId: string, report: PeerReport): void {
    if (report.type === 'callsEnded') return;
    const link = this.#links.get(report.link);
    if (link?.caller.instanceId !== instanceId && link?.callee.instanceId !== instanceId) return;
    if (report.type === 'leaseReturned') this.#ended(link);
    else if (report.type === 'calleeStuck') this.#options.stuck(link.callee);
    else this.#closed(link);
  }

  /** A call was inside a callee that was lost, or may be: it is told why as soon as that is known. */
  awaitLoss(call: Call, { link: id, callee }: ResumedCall): void {
    const link = this.#links.get(id);
    const loss = link ? link.loss : ({ instanceId: callee.instanceId, reason: 'crashed' } as const);
    if (loss) this.#options.lost(call, loss);
    else link?.resumed.add(call);
  }

  instanceOf(instanceId: string): InstanceHandle | undefined {
    return this.#instances.get(instanceId);
  }

  instanceEnded(instanceId: string, loss: InstanceLoss): void {
    if (!this.#instances.delete(instanceId)) return;
    this.#policy.forgetCaller(instanceId);
    for (const link of [...this.#links.values()]) {
      if (link.callee.instanceId === instanceId) this.#calleeEnded(link, loss);
      else if (link.caller.instanceId === instanceId) this.#callerEnded(link);
    }
  }

  #makeLink(caller: InstanceHandle, callee: InstanceHandle): void {
    const known = this.#pairs.get(caller.instanceId) ?? new Map<string, Link>();
    if (known.size >= MAX_LINKS) return this.#unlinkOldest(caller, known);
    this.#pairs.set(caller.instanceId, known);
    const id = ++this.#lastId;
    const link: Link = {
      id,
      caller,
      callee,
      peer: undefined,
      agentLease: 'none',
      isOver: false,
      lease: undefined,
      loss: undefined,
      resumed: new Set(),
      lastUsedMs: this.#options.nowMs(),
    };
    known.set(callee.instanceId, link);
    this.#links.set(id, link);
    const made = caller.peers?.linkTo(callee, id) ?? Promise.resolve(undefined);
    made.then(
      (peer) => {
        link.peer = peer;
        if (!peer) this.#forget(link);
      },
      () => this.#forget(link),
    );
  }

  #unlinkOldest(caller: InstanceHandle, links: ReadonlyMap<string, Link>): void {
    const unused = [...links.values()].filter(({ lease, peer }) => !lease && peer);
    const [oldest] = unused.sort((one, other) => one.lastUsedMs - other.lastUsedMs);
    if (!oldest) return;
    // The caller answers with `linkClosed`. At its next call there is room.
    this.#retire(oldest);
    caller.peers?.tell({ type: 'unlink', link: oldest.id });
  }

  #grant(link: Link, tenant: Call, route: VersionRoute, after: number): void {
    const { caller, callee, peer, id } = link;
    if (!peer || link.lease || link.isOver || this.#leasesOf(caller.instanceId) >= MAX_LEASES) return;
    if (!this.#hasAgentLease(link, peer)) return;
    link.lease = { route, tenant, isWanted: false };
    link.lastUsedMs = this.#options.nowMs();
    route.leased++;
    this.#byTenant.set(tenant, link);
    link.agentLease = 'none';
    callee.peers?.leased(1);
    const { maxCallDepth, cancelGraceMs } = this.#options;
    const { name, version, config } = route.version;
    caller.peers?.tell({
      type: 'leaseGranted',
      link: id,
      after,
      functionName: name,
      functionVersion: version,
      instanceId: callee.instanceId,
      leasedUnder: tenant.row.number,
      id: tenant.id,
      timeoutMs: config.timeoutMs,
      maxCallDepth,
      cancelGraceMs,
    });
  }

  #hasAgentLease(link: Link, peer: PeerLink): boolean {
    if (link.agentLease === 'none') {
      link.agentLease = 'asked';
      peer.lease(() => {
        link.agentLease = 'made';
      });
    }
    // Read again: it may be there at once.
    return (link.agentLease as Link['agentLease']) === 'made';
  }

  #leasesOf(callerId: string): number {
    let count = 0;
    for (const { lease } of this.#pairs.get(callerId)?.values() ?? []) if (lease) count++;
    return count;
  }

  #revoke(link: Link): void {
    const { lease, peer } = link;
    if (!lease || !peer) return;
    lease.isWanted = true;
    const { route } = lease;
    this.#coming.set(route, this.coming(route) + 1);
    let isAnswered = false;
    peer.revoke(false, (outcome) => {
      isAnswered = true;
      const coming = this.coming(route) - 1;
      if (coming > 0) this.#coming.set(route, coming);
      else this.#coming.delete(route);
      if (outcome === 'freed' && link.lease === lease) this.#ended(link);
      this.#options.notYet(route);
    });
    // Nothing orders what the agent is told and what the caller is sent: a call that comes to it next must not use the lease.
    if (!isAnswered) link.caller.peers?.tell({ type: 'leaseRevoked', link: link.id });
  }

  /** The slot is free, or its tenant's alone. */
  #ended(link: Link): void {
    const { lease, callee } = link;
    if (!lease) return;
    this.#dropLease(link, lease);
    callee.peers?.leased(-1);
    if (link.isOver && link.resumed.size === 0) this.#forget(link);
    if (!lease.tenant) this.#options.slotFree(callee.instanceId);
  }

  #dropLease(link: Link, lease: Lease): void {
    const { route, tenant } = lease;
    link.lease = undefined;
    route.touch(this.#options.nowMs());
    route.leased--;
    if (tenant) this.#byTenant.delete(tenant);
    else route.lent--;
  }

  /** Nothing of the link is used any more by its caller. Where a slot is still leased, the callee reports it. */
  #closed(link: Link): void {
    this.#retire(link);
    if (link.lease) this.#giveGrace(link);
    // Calls that were resumed hear of the loss with the callee.
    else if (link.resumed.size === 0) this.#forget(link);
  }

  #callerEnded(link: Link): void {
    this.#retire(link);
    if (!link.lease) return this.#forget(link);
    this.#revoke(link);
    this.#giveGrace(link);
  }

  /** The callee was told to stop what is inside, for the link has closed. */
  #giveGrace(link: Link): void {
    const { lease } = link;
    this.#options.after(this.#options.cancelGraceMs, () => {
      if (lease && link.lease === lease && this.#instances.has(link.callee.instanceId)) {
        this.#options.stuck(link.callee);
      }
    });
  }

  #calleeEnded(link: Link, loss: InstanceLoss): void {
    link.loss = loss;
    if (link.lease) this.#dropLease(link, link.lease);
    const resumed = [...link.resumed];
    link.resumed.clear();
    // Its caller may not have noticed yet, and still ask for the calls that were inside.
    if (link.isOver) this.#forget(link);
    this.#retire(link);
    for (const call of resumed) this.#options.lost(call, loss);
  }

  /** Makes room for another link between the two; reports of this one still count. */
  #retire(link: Link): void {
    link.isOver = true;
    const known = this.#pairs.get(link.caller.instanceId);
    if (known?.get(link.callee.instanceId) !== link) return;
    known.delete(link.callee.instanceId);
    if (known.size === 0) this.#pairs.delete(link.caller.instanceId);
  }

  #forget(link: Link): void {
    this.#retire(link);
    this.#links.delete(link.id);
  }
}

function keyOf({ version: { name, version } }: VersionRoute): string {
  return `${name}@${version}`;
}
