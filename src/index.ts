/** The public embedding API. */
export type { FunctionConfig, HostOptions } from './config.ts';
export type { Backup, DataCheck, DataFault, QuarantinedFact } from './ecosystem/data-management/protocol.ts';
export type {
  Backfilled,
  BackfillRange,
  Backoff,
  CloudEvent,
  Destination,
  Enqueued,
  EnqueueOptions,
  EventQuery,
  EventView,
  FailedAttempt,
  Filter,
  FiredTrigger,
  JobChange,
  JobFilter,
  JobQuery,
  JobStatus,
  JobView,
  MissedPolicy,
  NewCloudEvent,
  OverlapPolicy,
  Published,
  QueueView,
  ScheduleDetails,
  ScheduleFiring,
  ScheduleJobOptions,
  ScheduleOptions,
  ScheduleQuery,
  ScheduleSet,
  ScheduleView,
  Trigger,
  TriggerDelivery,
  TriggerJobOptions,
  TriggerOptions,
  TriggerView,
} from './ecosystem/event-management/protocol.ts';
export type { Gateway } from './ecosystem/gateway/protocol.ts';
export type {
  FunctionDetails,
  FunctionLogLine,
  FunctionStats,
  HostStats,
  LogFilter,
} from './ecosystem/monitoring/protocol.ts';
export { ERROR_CODES, type ErrorCode, type ErrorKind, TroupeError } from './errors.ts';
export type { Events, FollowOptions } from './events.ts';
export type { CalledFunction, CallHistory } from './function-management/autoscaler/protocol.ts';
export type { FunctionSource } from './function-management/builder/protocol.ts';
export type { InstanceDescription } from './function-management/instance/protocol.ts';
export type { FunctionAlias, FunctionDescription, FunctionVersion } from './function-management/registry/protocol.ts';
export type { InvokeOptions } from './function-management/router/protocol.ts';
export { defineFunction, NonRetryableError } from './guest.ts';
export type {
  BatchItem,
  Context,
  FetchHandler,
  Handler,
  Logger,
  ScheduleEvent,
  StandardSchema,
  StreamHandler,
  ValueHandler,
} from './handler.ts';
export type { JobRequest, Jobs } from './jobs.ts';
export type { ColdStartReason, InvocationRecord, Phase } from './ledger/protocol.ts';
export type { Schedules } from './schedules.ts';
export {
  createTroupe,
  type Deployed,
  type DeployOptions,
  type FunctionProxy,
  type HttpAnswer,
  type InvocationDetails,
  type ListenOptions,
  Troupe,
} from './troupe.ts';
export type { Durability } from './workflow-composition/events.ts';
export type { ExecutionStatus } from './workflow-composition/execution-state.ts';
export type { ExecutionQuery, ExecutionSummary } from './workflow-composition/execution-store/protocol.ts';
export type { WorkflowFault, WorkflowGraph } from './workflow-composition/language.ts';
export type { WorkflowDescription, WorkflowVersion } from './workflow-composition/registry/protocol.ts';
export type {
  DeployedWorkflow,
  DeployWorkflowOptions,
  ExecutionControls,
  ExecutionDetails,
  ExecutionHandle,
  ExecutionStep,
  HistoryEvent,
  StartWorkflowOptions,
  Workflows,
} from './workflows.ts';
