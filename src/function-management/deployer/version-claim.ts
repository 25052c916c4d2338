/** What a version asks of the resource layer, and how that layer's notices reach the deployer. Pure but for the telling. */
import type { ActorRef } from '../../kernel/protocol.ts';
import type { Claim, ClaimListener } from '../../resource-orchestration/resource-manager/protocol.ts';
import type { InstanceImage } from '../../transport/instance-control.ts';
import type { FunctionVersion } from '../registry/protocol.ts';
import type { Deployment } from './deployment.ts';
import type { DeployerMessages } from './protocol.ts';

export function claimOf({ version, group }: Deployment, claimId: string, listener: ClaimListener): Claim {
  const { isolation, memoryMb, priority, concurrency } = version.config;
  // An instance with room for several calls is expected to wait more than to compute.
  const cpuShares = concurrency === 1 ? 1 : 0.5;
  return { claimId, spec: { group, kind: isolation, memoryMb, cpuShares, priority }, listener };
}

export function imageOf(version: FunctionVersion, payloadLimitBytes: number): InstanceImage {
  return {
    functionName: version.name,
    functionVersion: version.version,
    format: version.artifact.format,
    entry: version.artifact.entry,
    env: version.config.env,
    codeCache: 'use',
    memoryMb: version.config.memoryMb,
    payloadLimitBytes,
  };
}

export function claimListener(deployer: ActorRef<DeployerMessages>): ClaimListener {
  return {
    workerStarted: (worker) => void deployer.tell('workerStarted', worker),
    workerLost: (loss) => void deployer.tell('workerLost', loss),
    claimDelayed: (delayed) => void deployer.tell('claimDelayed', delayed),
    roomNeeded: (need) => void deployer.tell('roomNeeded', need),
    evict: (claimId) => void deployer.tell('evict', claimId),
  };
}
