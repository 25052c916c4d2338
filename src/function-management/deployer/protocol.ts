/** F3, the function deployer: turns sources into versions, and targets into claims on resources. Types only. */
import type { FunctionConfig } from '../../config.ts';
import type { SerializedError } from '../../errors.ts';
import type { ClaimListener, Worker, WorkerLoss } from '../../resource-orchestration/resource-manager/protocol.ts';
import type { ScalingTarget } from '../autoscaler/protocol.ts';
import type { FunctionSource } from '../builder/protocol.ts';
import type { InstanceDescription, InstanceLoss } from '../instance/protocol.ts';
import type { FunctionDescription, FunctionVersion } from '../registry/protocol.ts';

export interface DeployRequest {
  readonly name: string;
  readonly source: FunctionSource;
  /** Wins over the `config` that the function exports. */
  readonly config: FunctionConfig;
}

export interface DeployOutcome {
  readonly version: FunctionVersion;
  /** False when source and options were those of the current version, which then stays. */
  readonly isNew: boolean;
  /** True when an earlier build of the same source served. */
  readonly reused: boolean;
  readonly buildMs: number;
}

type NoticeOf<Method extends keyof ClaimListener> = { readonly body: Parameters<ClaimListener[Method]>[0] };

export type DeployerMessages = {
  /** Refuses with what is wrong with source, name or options; answers once the version is on disk and can be invoked. */
  deploy: { body: DeployRequest; reply: DeployOutcome };
  /** Refuses with `FUNCTION_NOT_FOUND`; answers once it is on disk. Calls inside finish; code that no version needs is deleted. */
  remove: { body: { readonly name: string }; reply: undefined };
  /** How many instances a version should have from now on. */
  scale: { body: ScalingTarget };
  instances: { body: { readonly name?: string }; reply: readonly InstanceDescription[] };
  functionChanged: { body: FunctionDescription };
  functionRemoved: { body: string };
  // What the resource manager says of claims.
  workerStarted: { body: Worker };
  workerLost: { body: WorkerLoss };
  claimDelayed: NoticeOf<'claimDelayed'>;
  roomNeeded: NoticeOf<'roomNeeded'>;
  evict: NoticeOf<'evict'>;
  // What instances say of themselves.
  instanceReady: { body: { readonly claimId: string; readonly instanceId: string } };
  instanceFailed: { body: { readonly claimId: string; readonly instanceId: string; readonly error: SerializedError } };
  instanceEnded: { body: { readonly claimId: string; readonly loss: InstanceLoss } };
};
