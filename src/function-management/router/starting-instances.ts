/**
 * Instances that load their function, and the calls that ride along: they were sent ahead, and begin when their instance is ready. Until then
 * they wait, as those in the queue do: they count as waiting, are cancelled without a trace, and go back to the queue if the start fails.
 */
import type { InstanceHandle } from '../instance/protocol.ts';
import type { Call } from './call.ts';
import type { VersionRoute } from './version-route.ts';

interface StartingInstance {
  readonly route: VersionRoute;
  readonly calls: Set<Call>;
}

export class StartingInstances {
  readonly #instances = new Map<string, StartingInstance>();

  /**
   * Sends ahead what waits, as much as the instance takes at a time. Where instances are ready nothing is: they may be free sooner than this one.
   * Answers the calls that were sent.
   */
  begin(handle: InstanceHandle, route: VersionRoute, nowMs: number): ReadonlySet<Call> {
    const calls = new Set<Call>();
    this.#instances.set(handle.instanceId, { route, calls });
    while (route.instances.size === 0 && calls.size < handle.concurrency) {
      const call = route.nextWaiting();
      if (!call) break;
      route.touch(nowMs);
      route.withdraw(call);
      // It may have to be sent again: the payload stays.
      call.givesPayload = false;
      call.rideWith(handle);
      if (!handle.dispatch(call)) {
        call.comeBack();
        route.putBack(call);
        break;
      }
      calls.add(call);
      route.riding++;
    }
    return calls;
  }

  /** True when the call rode with it: it no longer does. */
  left(instanceId: string, call: Call, nowMs: number): boolean {
    const starting = this.#instances.get(instanceId);
    if (!starting?.calls.has(call)) return false;
    starting.route.touch(nowMs);
    starting.calls.delete(call);
    starting.route.riding--;
    return true;
  }

  /** It is ready, or gone. Answers the calls that are with it: they ride no longer. */
  end(instanceId: string, nowMs: number): readonly Call[] {
    const starting = this.#instances.get(instanceId);
    if (!starting) return [];
    this.#instances.delete(instanceId);
    const { route, calls } = starting;
    route.touch(nowMs);
    route.riding -= calls.size;
    return [...calls];
  }

  /** The calls that ride with instances of a version. */
  ridingOn(route: VersionRoute): Call[] {
    return [...this.#instances.values()].flatMap((starting) => (starting.route === route ? [...starting.calls] : []));
  }
}
