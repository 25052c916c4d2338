/**
 * Every key that is written to disk, once. A durable contract: a change here needs a higher `SCHEMA_VERSION` and a migration.
 *
 * | database   | key                              | value                                             |
 * |------------|----------------------------------|---------------------------------------------------|
 * | meta       | schema-version, copy (0 or 1)    | number; two copies, since nothing opens without it |
 * | meta       | revision                         | number: every revision given out so far is below  |
 * | functions  | version, function name, version  | a stored version (function-management/registry)   |
 * | functions  | alias, function name, alias      | the targets of the alias                          |
 * | functions  | counter, function name           | the highest version number ever given out         |
 * | settings   | setting name                     | its value                                         |
 * | forecasts  | of, function name                | what the autoscaler has learned (bytes)           |
 * | forecasts  | of, `>` and function name        | what follows its calls (bytes)                    |
 * | forecasts  | of, empty                        | what all functions have taught (bytes)            |
 * | forecasts  | saved-at                         | when, in ms since the Unix epoch                  |
 * | forecasts  | workflow, workflow name          | how its steps run, by version                     |
 * | forecasts  | cold-start, function name        | how long its last cold starts took, in ms         |
 * | history    | calls, hour, function name       | its calls in that hour since the epoch (bytes)    |
 * | history    | chunks                           | how many of these records there are               |
 * | workflows  | version, workflow name, version  | a stored version (workflow-composition/registry)  |
 * | workflows  | alias, workflow name, alias      | the version that it leads to                      |
 * | workflows  | counter, workflow name           | the highest version number ever given out         |
 * | workflows  | removed, workflow name           | true: what versions it has are for old executions |
 * | executions | event, execution id, index       | an event of its journal                           |
 * | executions | value, execution id, hash        | a large value that its events refer to (bytes)    |
 * | executions | open, execution id               | what is known of one that has not ended           |
 * | executions | ended, workflow name, status, started at (ms), execution id | its summary            |
 * | executions | compacted, execution id          | summary and result of one without a journal       |
 * | executions | retained, stage, ended at (ms), execution id | where its summary is; what is due is one range |
 * | executions | leftover, execution id           | true: what is left of its journal is to go        |
 * | jobs       | job, job id                      | a job (ecosystem/event-management/jobs)           |
 * | jobs       | payload, job id                  | its payload, where that is large (bytes)          |
 * | jobs       | result, job id                   | its result, where that is large (bytes)           |
 * | jobs       | ready, function, level, sequence | a job whose turn comes: its id and ordering key   |
 * | jobs       | parked, function, ordering key, sequence | one that waits for the others of its key  |
 * | jobs       | held, function, ordering key     | the job that others of its key wait for           |
 * | jobs       | due, function, due at (ms), job id | one whose time has not come: true               |
 * | jobs       | dead, function, ended at (ms), job id | a dead letter: true                          |
 * | jobs       | undelivered, function, job id    | true: its destination does not know that it ended |
 * | jobs       | kept, until (ms), job id         | one that has ended: its function                  |
 * | jobs       | once, function, idempotency key  | the job that has it, and until when               |
 * | jobs       | once-until, until (ms), function, idempotency key | true; what is over is one range  |
 * | jobs       | queue, function                  | how many jobs it has, what runs, whether it is paused |
 * | schedules  | schedule, schedule name          | what was asked for (ecosystem/event-management/schedules) |
 * | schedules  | state, schedule name             | what has come of it so far                        |
 * | schedules  | payload, schedule name           | what its function is given (bytes)                |
 * | cloud-events | event, sequence                | a CloudEvent (ecosystem/event-management/events)  |
 * | cloud-events | once, hash of source and id    | the event that has them, and until when           |
 * | cloud-events | pending, sequence, trigger     | the function that the trigger has still to start  |
 * | cloud-events | trigger, trigger name          | what fires it and what it starts                  |
 * | cloud-events | counts, trigger name           | how often it has, and the last times              |
 * | cloud-events | standing                       | the last sequence, and how much is kept           |
 * | events     | stream, index                    | the event                                         |
 * | quarantine | database, the key of the record  | its bytes, why and when                           |
 */
import type { Key } from './protocol.ts';

/** The layout that this program reads and writes. */
export const SCHEMA_VERSION = 1;

export const metaKeys = {
  schemaVersions: [
    ['schema-version', 0],
    ['schema-version', 1],
  ] as readonly Key[],
  revision: ['revision'] as Key,
};

export const functionKeys = {
  version: (name: string, version: number): Key => ['version', name, version],
  versionsOf: (name: string): Key => ['version', name],
  versions: ['version'] as Key,
  alias: (name: string, alias: string): Key => ['alias', name, alias],
  aliasesOf: (name: string): Key => ['alias', name],
  aliases: ['alias'] as Key,
  counter: (name: string): Key => ['counter', name],
  counters: ['counter'] as Key,
};

export const settingKeys = {
  setting: (name: string): Key => [name],
};

export const forecastKeys = {
  of: (name: string): Key => ['of', name],
  all: ['of'] as Key,
  savedAt: ['saved-at'] as Key,
  workflow: (name: string): Key => ['workflow', name],
  workflows: ['workflow'] as Key,
  coldStart: (functionName: string): Key => ['cold-start', functionName],
  coldStarts: ['cold-start'] as Key,
};

/** By hour first: what is too old is one range. */
export const historyKeys = {
  chunk: (hour: number, name: string): Key => ['calls', hour, name],
  hour: (hour: number): Key => ['calls', hour],
  all: ['calls'] as Key,
  chunks: ['chunks'] as Key,
};

export const workflowKeys = {
  version: (name: string, version: number): Key => ['version', name, version],
  versions: ['version'] as Key,
  alias: (name: string, alias: string): Key => ['alias', name, alias],
  aliases: ['alias'] as Key,
  counter: (name: string): Key => ['counter', name],
  counters: ['counter'] as Key,
  removed: (name: string): Key => ['removed', name],
  removals: ['removed'] as Key,
};

export interface EndedKeyParts {
  readonly workflow: string;
  readonly status: string;
  readonly startedAtMs: number;
  readonly id: string;
}

/** Status before time: a query for either reads nothing that it does not give. */
export const executionKeys = {
  event: (id: string, index: number): Key => ['event', id, index],
  eventsOf: (id: string): Key => ['event', id],
  value: (id: string, hash: string): Key => ['value', id, hash],
  valuesOf: (id: string): Key => ['value', id],
  open: (id: string): Key => ['open', id],
  opens: ['open'] as Key,
  ended: ({ workflow, status, startedAtMs, id }: EndedKeyParts): Key => ['ended', workflow, status, startedAtMs, id],
  endedWorkflow: (workflow: string): Key => ['ended', workflow],
  endedSince: (workflow: string, status: string, startedAtMs: number): Key => ['ended', workflow, status, startedAtMs],
  endedOf: (workflow: string, status: string): Key => ['ended', workflow, status],
  endedAll: ['ended'] as Key,
  compacted: (id: string): Key => ['compacted', id],
  retained: (stage: string, endedAtMs: number, id: string): Key => ['retained', stage, endedAtMs, id],
  retainedBefore: (stage: string, endedAtMs: number): Key => ['retained', stage, endedAtMs],
  retainedIn: (stage: string): Key => ['retained', stage],
  leftover: (id: string): Key => ['leftover', id],
  leftovers: ['leftover'] as Key,
};

/** Each job has one entry in `ready`, `parked`, `limited`, `due` or `kept`, which its record says. Time, or order of arrival, stands last in what is taken in order. */
export const jobKeys = {
  job: (id: string): Key => ['job', id],
  jobs: ['job'] as Key,
  payload: (id: string): Key => ['payload', id],
  result: (id: string): Key => ['result', id],
  ready: (queue: string, level: number, sequence: number): Key => ['ready', queue, level, sequence],
  readyOf: (queue: string, level: number): Key => ['ready', queue, level],
  parked: (queue: string, orderingKey: string, sequence: number): Key => ['parked', queue, orderingKey, sequence],
  parkedOf: (queue: string, orderingKey: string): Key => ['parked', queue, orderingKey],
  limited: (queue: string, limitKey: string, sequence: number): Key => ['limited', queue, limitKey, sequence],
  limitedOf: (queue: string, limitKey: string): Key => ['limited', queue, limitKey],
  limit: (queue: string, limitKey: string): Key => ['limit', queue, limitKey],
  limitsOf: (queue: string): Key => ['limit', queue],
  held: (queue: string, orderingKey: string): Key => ['held', queue, orderingKey],
  heldIn: (queue: string): Key => ['held', queue],
  due: (queue: string, dueAtMs: number, id: string): Key => ['due', queue, dueAtMs, id],
  dueOf: (queue: string): Key => ['due', queue],
  dueAfter: (queue: string, atMs: number): Key => ['due', queue, atMs],
  dead: (queue: string, endedAtMs: number, id: string): Key => ['dead', queue, endedAtMs, id],
  deadOf: (queue: string): Key => ['dead', queue],
  deadAll: ['dead'] as Key,
  undelivered: (queue: string, id: string): Key => ['undelivered', queue, id],
  undeliveredOf: (queue: string): Key => ['undelivered', queue],
  kept: (untilMs: number, id: string): Key => ['kept', untilMs, id],
  keptAll: ['kept'] as Key,
  keptAfter: (atMs: number): Key => ['kept', atMs],
  once: (queue: string, key: string): Key => ['once', queue, key],
  onceUntil: (untilMs: number, queue: string, key: string): Key => ['once-until', untilMs, queue, key],
  onceUntilAll: ['once-until'] as Key,
  onceUntilAfter: (atMs: number): Key => ['once-until', atMs],
  queue: (name: string): Key => ['queue', name],
  queues: ['queue'] as Key,
};

export const scheduleKeys = {
  schedule: (name: string): Key => ['schedule', name],
  schedules: ['schedule'] as Key,
  state: (name: string): Key => ['state', name],
  states: ['state'] as Key,
  payload: (name: string): Key => ['payload', name],
};

export const cloudEventKeys = {
  event: (sequence: number): Key => ['event', sequence],
  events: ['event'] as Key,
  once: (hash: string): Key => ['once', hash],
  onces: ['once'] as Key,
  pending: (sequence: number, trigger: string): Key => ['pending', sequence, trigger],
  pendings: ['pending'] as Key,
  trigger: (name: string): Key => ['trigger', name],
  triggers: ['trigger'] as Key,
  counts: (trigger: string): Key => ['counts', trigger],
  standing: ['standing'] as Key,
};

export const eventKeys = {
  event: (stream: string, index: number): Key => [stream, index],
  stream: (stream: string): Key => [stream],
};

export const quarantineKeys = {
  record: (database: string, key: Key): Key => [database, ...key],
};
