/**
 * What the router does with each message, in its turn. State and decisions; the actor around it is `router.ts`.
 * The numbers are those of the invariants in README.md.
 */
import type { TroupeError } from '../../errors.ts';
import type { ActorContext } from '../../kernel/protocol.ts';
import type { Random } from '../../kernel/random.ts';
import { STAMP } from '../../ledger/protocol.ts';
import type { PeerReport, ResumedCall } from '../../transport/peer-protocol.ts';
import type { InstanceHandle, InstanceLoss } from '../instance/protocol.ts';
import type { FunctionDescription, FunctionVersion } from '../registry/protocol.ts';
import type { Call } from './call.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import { Leases } from './leases.ts';
import { lossError, mayRetry } from './loss-policy.ts';
import type { PeerWork } from './peer-outcomes.ts';
import type { RouterMessages } from './protocol.ts';
import { drained, draining, queueFull, removed, timedOut, tooDeep, versionGone } from './refusals.ts';
import { enterResumed } from './resumed-call.ts';
import { type Observed, RouteTable } from './route-table.ts';
import { StartingInstances } from './starting-instances.ts';
import type { VersionRoute } from './version-route.ts';

export interface RouterOptions {
  readonly random: Random;
  readonly maxCallDepth: number;
  readonly cancelGraceMs: number;
  /** Calls wait and no instance that is on its way will take them, or this one leads to calls of others. Must only tell. */
  readonly demandArrived: (name: string, version: number) => void;
  /** They wait for the first instance of their version: a worker is about to be asked for. Must only tell. */
  readonly coldStartAhead?: (version: FunctionVersion) => void;
}

/** An instance with other calls inside is given this long when one of its calls ignores its cancellation. */
const SHARED_GRACE_MS = 1_000;
export class Routing {
  readonly #options: RouterOptions;
  readonly #context: ActorContext<RouterMessages<Call>>;
  readonly #table: RouteTable;
  readonly #wheel: DeadlineWheel<Call>;
  readonly #leases: Leases;
  readonly #starting = new StartingInstances();
  readonly #routeOfInstance = new Map<string, VersionRoute>();
  #drained: (() => void) | undefined;
  #isDraining = false;
  /** Nothing is taken any more, not even from calls inside. */
  #isClosed = false;

  constructor(options: RouterOptions, context: ActorContext<RouterMessages<Call>>) {
    this.#options = options;
    this.#context = context;
    this.#table = new RouteTable(options.random);
    const { clock } = context;
    this.#wheel = new DeadlineWheel<Call>(
      { nowMs: () => clock.nowMs(), after: (delayMs, callback) => context.after(delayMs, callback) },
      (call) => this.#timedOut(call),
    );
    this.#leases = new Leases({
      ...options,
      nowMs: () => clock.nowMs(),
      leadsOnlyTo: (route) => this.#table.leadsOnlyTo(route),
      after: (delayMs, callback) => context.after(delayMs, callback),
      slotFree: (instanceId) => this.#slotFree(instanceId),
      notYet: (route) => this.#askForInstance(route),
      stuck: (instance) => this.#giveUp(instance),
      lost: (call, loss) => this.callLost(call, loss),
    });
  }

  invoke(call: Call): void {
    if (call.isSettled) return;
    const { request, row } = call;
    // What a call inside still asks of other functions, it needs to finish.
    if (this.#isClosed || (this.#isDraining && request.depth === 0)) return this.#refuse(call, draining());
    if (request.depth > this.#options.maxCallDepth)
      return this.#refuse(call, tooDeep(request.functionName, this.#options.maxCallDepth));
    const resolution = this.#table.resolve(request);
    if (resolution.kind === 'unknown') return this.#refuse(call, resolution.error);
    const { route } = resolution;
    const { config } = route.version;
    const nowMs = this.#context.clock.nowMs();
    row.stamp(STAMP.routed, nowMs);
    call.functionVersion = route.version.version;
    call.timeoutMs = Math.min(request.timeoutMs ?? config.timeoutMs, config.timeoutMs);
    call.deadlineMs = row.at(STAMP.received) + call.timeoutMs;
    if (route.arrived(nowMs)) this.#options.demandArrived(request.functionName, route.version.version);
    if (route.queued > 0 || !this.#dispatch(route, call, nowMs)) this.#wait(route, call);
  }

  /** Settles a call that its caller, or its deadline, has given up; where it is inside an instance, that instance is told. */
  stopCall(call: Call, error: TroupeError, reason: 'timeout' | 'cancelled'): void {
    if (call.isSettled) return;
    const route = this.#routeOf(call);
    if (call.place === 'queued' && route) {
      route.touch(this.#context.clock.nowMs());
      route.withdraw(call);
      call.place = 'left';
      this.#wheel.remove(call);
    } else if (call.place === 'inside' || call.place === 'riding') {
      this.#wheel.remove(call);
      call.instance?.cancel(call, reason);
      if (call.place === 'inside') this.#expectLeave(call);
    }
    call.fail(error);
    this.#finishDrain();
  }

  callLeft(instanceId: string, call: Call): void {
    const isRiding = call.place === 'riding' && this.#starting.left(instanceId, call, this.#context.clock.nowMs());
    call.place = 'left';
    this.#wheel.remove(call);
    if (call.runMs !== undefined) this.#routeOfInstance.get(instanceId)?.ran(call.runMs);
    if (!isRiding && !this.#leases.keepsSlot(call)) this.#slotFree(instanceId);
    this.#finishDrain();
  }

  /** Its caller, an instance, has called another without the host, and cannot end the call there. */
  resume(call: Call, resumed: ResumedCall): void {
    if (call.isSettled || enterResumed(call, resumed, this.#leases.instanceOf(resumed.callee.instanceId))) return;
    this.#wheel.add(call);
    this.#leases.awaitLoss(call, resumed);
  }

  peerReport(instanceId: string, report: PeerReport, work: PeerWork | undefined): void {
    if (report.type !== 'callsEnded') return this.#leases.report(instanceId, report);
    const route = this.#table.routeOf(report.functionName, report.functionVersion);
    if (work) route?.wasBusy(this.#context.clock.nowMs(), work.calls, work.busyMs);
  }

  callLost(call: Call, loss: InstanceLoss): void {
    call.place = 'left';
    this.#wheel.remove(call);
    const route = this.#routeOf(call);
    if (call.isSettled) return this.#finishDrain();
    if (loss.hasNotBegun) return this.#comeBack(call, loss);
    const { tries: attempt, hasEmitted } = call;
    // The route of a removed function goes with its last instance; the call that was inside still has to be answered.
    const mayRunAgain =
      route !== undefined &&
      !this.#isDraining &&
      this.#table.isRegistered(route) &&
      mayRetry({ ...route.version.config, attempt, hasEmitted }, loss.reason);
    if (!mayRunAgain) {
      const { functionName } = call.request;
      return this.#refuse(call, lossError({ functionName, attempt, memoryMb: call.instance?.memoryMb ?? 0 }, loss));
    }
    call.tries++;
    // As calls that wait do, it follows its alias to where that leads by now.
    if (!this.#table.isTarget(call.request, route.version.version)) return this.invoke(call);
    const nowMs = this.#context.clock.nowMs();
    route.touch(nowMs);
    this.#wheel.add(call);
    route.enqueue(call);
    this.#dispatchWaiting(route, nowMs);
    this.#askForInstance(route);
  }

  /** Calls that wait ride along with the start: they are there when it is over. */
  instanceStarting(handle: InstanceHandle): void {
    const route = this.#table.routeOf(handle.functionName, handle.functionVersion);
    if (route) this.#starting.begin(handle, route, this.#context.clock.nowMs());
  }

  instanceReady(handle: InstanceHandle): void {
    const nowMs = this.#context.clock.nowMs();
    const inside = this.#starting.end(handle.instanceId, nowMs);
    const route = this.#table.routeOf(handle.functionName, handle.functionVersion);
    for (const call of inside) {
      call.place = 'inside';
      if (call.isSettled) this.#expectLeave(call);
    }
    if (!route) return handle.retire(0, 'requested');
    this.#leases.instanceReady(handle);
    route.started(handle.origin.specialisedAtMs - handle.origin.claimedAtMs);
    route.instances.add(handle, nowMs, inside.length);
    this.#routeOfInstance.set(handle.instanceId, route);
    this.#dispatchWaiting(route, nowMs);
  }

  instanceEnded(instanceId: string, loss: InstanceLoss): void {
    this.#starting.end(instanceId, this.#context.clock.nowMs());
    this.#instanceGone(instanceId);
    this.#leases.instanceEnded(instanceId, loss);
  }

  /** It takes no more calls, though it may still have some inside. */
  #instanceGone(instanceId: string): void {
    const route = this.#routeOfInstance.get(instanceId);
    if (!route) return;
    this.#routeOfInstance.delete(instanceId);
    route.touch(this.#context.clock.nowMs());
    route.instances.remove(instanceId);
    this.#leases.revokeWhere((_, callee) => callee.instanceId === instanceId);
    this.#askForInstance(route);
    this.#table.dropIfOver(route);
  }

  retire(instanceIds: readonly string[], graceMs: number): void {
    for (const instanceId of instanceIds) this.#retireOne(instanceId, graceMs, 'requested');
  }

  functionChanged(description: FunctionDescription): void {
    for (const route of this.#table.change(description, this.#context.clock.nowMs())) {
      this.#failAll(route, versionGone(description.name, route.version.version));
      this.#table.dropIfOver(route);
    }
    for (const route of this.#table.routesOf(description.name)) this.#moveWaiting(route);
    this.#revokeMoved(description.name);
  }

  functionRemoved(name: string): void {
    const error = removed(name);
    for (const route of this.#table.routesOf(name)) this.#failAll(route, error);
    this.#table.remove(name);
    this.#revokeMoved(name);
  }

  startFailed(name: string, version: number, error: TroupeError): void {
    const route = this.#table.routeOf(name, version);
    if (route) this.#failWaiting(route, error);
  }

  /** What `views.ts` looks at. */
  routes({ reclaimIdle = false, ...which }: Observed & { reclaimIdle?: boolean } = {}): readonly VersionRoute[] {
    if (reclaimIdle) this.#leases.reclaimIdle();
    return this.#table.routes(which);
  }

  drain(timeoutMs: number): Promise<undefined> {
    this.#isDraining = true;
    return new Promise((resolve) => {
      this.#drained = () => resolve(undefined);
      this.#finishDrain();
      this.#context.after(timeoutMs, () => {
        this.#isClosed = true;
        const error = drained(timeoutMs);
        for (const call of this.#wheel.items()) this.stopCall(call, error, 'cancelled');
        this.#drained?.();
      });
    });
  }

  /** False when every instance is full. */
  #dispatch(route: VersionRoute, call: Call, nowMs: number): boolean {
    const { idempotent, maxAttempts } = route.version.config;
    call.givesPayload = call.request.keepsPayload !== true && (!idempotent || call.tries >= maxAttempts);
    for (;;) {
      const instance = route.instances.take(nowMs);
      if (!instance) return false;
      const { handle } = instance;
      call.enter(handle, nowMs);
      this.#wheel.add(call);
      if (handle.dispatch(call)) {
        if (route.queued === 0 && !this.#isDraining) this.#leases.dispatched(call, handle, route);
        return true;
      }
      this.#wheel.remove(call);
      call.place = 'arriving';
      // A channel that takes nothing while nothing is inside will not recover; a full one frees itself with the next answer.
      if (instance.inFlight > 1) {
        route.instances.giveBack(handle.instanceId, nowMs);
        return false;
      }
      this.#retireOne(handle.instanceId, 0, 'replaced');
    }
  }

  #wait(route: VersionRoute, call: Call): void {
    const { name, config } = route.version;
    const waiting = route.queued + route.riding;
    if (waiting >= config.maxQueued) return this.#refuse(call, queueFull(name, waiting));
    route.enqueue(call);
    this.#wheel.add(call);
    this.#leases.reclaim(route);
    this.#askForInstance(route);
  }

  #slotFree(instanceId: string): void {
    const route = this.#routeOfInstance.get(instanceId);
    if (!route) return;
    const nowMs = this.#context.clock.nowMs();
    route.touch(nowMs);
    if (route.instances.giveBack(instanceId, nowMs)) this.#dispatchWaiting(route, nowMs);
  }

  #revokeMoved(name: string): void {
    this.#leases.revokeWhere((route) => route.version.name === name && !this.#table.leadsOnlyTo(route));
  }

  #dispatchWaiting(route: VersionRoute, nowMs: number): void {
    for (let call = route.nextWaiting(); call; call = route.nextWaiting()) {
      this.#wheel.remove(call);
      route.withdraw(call);
      if (this.#dispatch(route, call, nowMs)) continue;
      this.#wheel.add(call);
      route.putBack(call);
      return this.#askForInstance(route);
    }
  }

  #askForInstance(route: VersionRoute): void {
    if (route.queued <= this.#leases.coming(route) || route.demandTold) return;
    route.demandTold = true;
    if (route.instances.size === 0) this.#options.coldStartAhead?.(route.version);
    this.#options.demandArrived(route.version.name, route.version.version);
  }

  #timedOut(call: Call): void {
    this.stopCall(call, timedOut(call), 'timeout');
  }

  #expectLeave(call: Call): void {
    this.#context.after(this.#options.cancelGraceMs, () => this.#stopStuck(call));
  }

  /** It was sent to an instance that never was ready: it waits again, ahead of those that have come since. */
  #comeBack(call: Call, { reason }: InstanceLoss): void {
    const route = this.#routeOf(call);
    call.comeBack();
    if (!route || !this.#table.isRegistered(route) || !this.#table.isTarget(call.request, route.version.version)) {
      return this.invoke(call);
    }
    const nowMs = this.#context.clock.nowMs();
    route.touch(nowMs);
    this.#wheel.add(call);
    route.putBack(call);
    this.#dispatchWaiting(route, nowMs);
    // Of a version that does not start, the deployer says what becomes of the calls that wait for it.
    if (reason !== 'start-failed') this.#askForInstance(route);
  }

  /** The function did not stop when told to: the instance is given up, for nothing else gets the slot back. */
  #stopStuck({ place, instance }: Call): void {
    if (place !== 'inside' || !instance) return;
    this.#giveUp(instance);
  }

  #giveUp(instance: InstanceHandle): void {
    this.#instanceGone(instance.instanceId);
    // Also where it drains already: its grace is as long as its calls may take, and those behind the stuck one would wait for all of it.
    instance.retire(instance.concurrency > 1 ? SHARED_GRACE_MS : 0, 'replaced');
  }

  #retireOne(instanceId: string, graceMs: number, reason: InstanceLoss['reason']): void {
    const instance = this.#routeOfInstance.get(instanceId)?.instances.get(instanceId);
    if (!instance) return;
    this.#instanceGone(instanceId);
    instance.handle.retire(graceMs, reason);
  }

  #refuse(call: Call, error: TroupeError): void {
    call.place = 'left';
    call.fail(error);
    this.#finishDrain();
  }

  /** Calls that wait for a version to which their alias no longer leads go where it leads now. */
  #moveWaiting(route: VersionRoute): void {
    for (const call of route.waiting()) {
      if (this.#table.isTarget(call.request, route.version.version)) continue;
      route.touch(this.#context.clock.nowMs());
      route.withdraw(call);
      this.#wheel.remove(call);
      this.invoke(call);
    }
  }

  /** The version is gone: what waits for it has nothing to wait for, wherever it waits. */
  #failAll(route: VersionRoute, error: TroupeError): void {
    for (const call of this.#starting.ridingOn(route)) this.stopCall(call, error, 'cancelled');
    this.#failWaiting(route, error);
  }

  #failWaiting(route: VersionRoute, error: TroupeError): void {
    for (const call of route.waiting()) {
      route.touch(this.#context.clock.nowMs());
      route.withdraw(call);
      this.#wheel.remove(call);
      call.place = 'left';
      call.fail(error);
    }
    this.#finishDrain();
  }

  #routeOf(call: Call): VersionRoute | undefined {
    const { functionVersion } = call;
    return functionVersion === undefined ? undefined : this.#table.routeOf(call.request.functionName, functionVersion);
  }

  #finishDrain(): void {
    if (!this.#isDraining || this.#wheel.size > 0) return;
    this.#isClosed = true;
    this.#drained?.();
  }
}
