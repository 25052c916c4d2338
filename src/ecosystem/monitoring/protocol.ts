/** Monitoring and logging: what functions wrote, and what every component counts. Types only. */
import type { ForecastView, ScalingTarget } from '../../function-management/autoscaler/protocol.ts';
import type { InstanceDescription } from '../../function-management/instance/protocol.ts';
import type { FunctionDescription } from '../../function-management/registry/protocol.ts';
import type { RouterSnapshot } from '../../function-management/router/protocol.ts';
import type { ActorStats, DeadLetter, DeadLetterReason } from '../../kernel/protocol.ts';
import type { InvocationRecord, InvocationStatus } from '../../ledger/protocol.ts';
import type { ResourceSnapshot } from '../../resource-orchestration/resource-manager/protocol.ts';
import type { StoreStats } from '../../store/protocol.ts';
import type { LogLevel } from '../../transport/protocol.ts';
import type { WorkflowEngineStats } from '../../workflow-composition/engine/protocol.ts';
import type { WorkflowSchedulerStats } from '../../workflow-composition/scheduler/protocol.ts';
import type { QueueView } from '../event-management/protocol.ts';

export interface FunctionLogLine {
  /** Grows by one with every line of the host. */
  readonly sequence: number;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly functionName: string;
  readonly functionVersion: number;
  readonly instanceId: string;
  readonly invocationId?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface LogFilter {
  readonly functionName?: string;
  /** At most so many, the newest. */
  readonly limit?: number;
}

export interface FunctionDetails extends FunctionDescription {
  readonly instances: readonly InstanceDescription[];
  readonly targets: readonly ScalingTarget[];
  /** The scaling policy of the host. */
  readonly policy: string;
  /** What the policy expects; absent where it expects nothing of the kind, or has not seen the function yet. */
  readonly forecast?: ForecastView;
  /** Newest first. */
  readonly latest: readonly InvocationRecord[];
}

export interface FunctionStats {
  readonly name: string;
  readonly invocations: number;
  readonly durationMs: number;
  readonly byStatus: Readonly<Partial<Record<InvocationStatus, number>>>;
  readonly coldStarts: Readonly<Record<string, number>>;
  /** Counts by upper bound in ms, not cumulative; `DURATION_BUCKETS_MS` and one more for what is longer. */
  readonly durationBuckets: readonly number[];
}

export interface HostStats {
  readonly functions: readonly FunctionStats[];
  readonly routes: RouterSnapshot['functions'];
  readonly resources: ResourceSnapshot;
  readonly instances: readonly InstanceDescription[];
  /** How many jobs each function has, by status. */
  readonly jobs: readonly QueueView[];
  readonly workflows: { readonly engine: WorkflowEngineStats; readonly scheduler: WorkflowSchedulerStats };
  readonly actors: readonly ActorStats[];
  readonly deadLetters: Readonly<Record<DeadLetterReason, number>>;
  readonly latestDeadLetters: readonly DeadLetter[];
  readonly store: StoreStats;
  /** All that functions ever wrote. */
  readonly logLines: number;
}
