/** What others see of the router: the autoscaler, the deployer that looks for room, and the monitor. Pure but for the averages it resets. */
import type { Observation } from '../autoscaler/protocol.ts';
import type { IdleInstance, RouterSnapshot } from './protocol.ts';
import type { IndexedInstance } from './ready-index.ts';
import type { VersionRoute } from './version-route.ts';

/** Also begins the next stretch over which averages are taken. Of hundreds of old versions, those in which nothing is are left out. */
export function observe(routes: readonly VersionRoute[], leaders: ReadonlySet<string>, nowMs: number): Observation[] {
  const known = routes.filter(({ isForgotten }) => !isForgotten);
  return known.map((route) => {
    route.isLeader = leaders.has(route.version.name);
    return route.observe(nowMs);
  });
}

/** Longest idle first. Versions for which calls wait have none: what looks idle is about to be used. */
export function idleInstances(
  routes: readonly VersionRoute[],
  { name, version }: { readonly name?: string; readonly version?: number },
  nowMs: number,
): IdleInstance[] {
  return routes
    .filter(
      ({ queued, version: known }) =>
        queued === 0 && (name ?? known.name) === known.name && (version ?? known.version) === known.version,
    )
    .flatMap((route) =>
      [...route.instances.values()]
        .filter(({ inFlight }) => inFlight === 0)
        .map((instance) => toIdle(route, instance, nowMs)),
    )
    .sort((one, other) => other.idleMs - one.idleMs);
}

export function snapshot(routes: readonly VersionRoute[]): RouterSnapshot {
  return {
    functions: routes.map(({ version, instances, queued, riding, leased }) => ({
      name: version.name,
      version: version.version,
      ready: instances.size,
      queued: queued + riding,
      inFlight: instances.inFlight,
      leased,
    })),
  };
}

function toIdle({ version }: VersionRoute, { handle, lastUsedMs }: IndexedInstance, nowMs: number): IdleInstance {
  const { instanceId, claimId, agentId, memoryMb, origin } = handle;
  return {
    instanceId,
    claimId,
    agentId,
    memoryMb,
    name: version.name,
    version: version.version,
    priority: version.config.priority,
    idleMs: nowMs - lastUsedMs,
    coldStartMs: origin.specialisedAtMs - origin.claimedAtMs,
  };
}
