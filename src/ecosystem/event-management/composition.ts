/** Puts event management together: spawns its actors and hands each its references. No logic. */
import type { FunctionDescription } from '../../function-management/registry/protocol.ts';
import type { CallRequest } from '../../function-management/router/protocol.ts';
import type { ActorSystem } from '../../kernel/actor-system.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ActorRef } from '../../kernel/protocol.ts';
import type { Store } from '../../store/protocol.ts';
import { eventsActor } from './events/events.ts';
import type { EventsMessages } from './events/events-protocol.ts';
import { newEvents, publish } from './events/new-events.ts';
import type { Retention } from './events/retention.ts';
import { callTarget } from './jobs/call-target.ts';
import { deliver } from './jobs/delivery.ts';
import { enqueueAll } from './jobs/enqueue-all.ts';
import { jobIds } from './jobs/job-ids.ts';
import { JobStore } from './jobs/job-store.ts';
import { jobsActor } from './jobs/jobs.ts';
import type { JobsMessages, OpenQueues } from './jobs/jobs-protocol.ts';
import { settingsFor } from './jobs/queue-settings.ts';
import { ScheduleStore } from './schedules/schedule-store.ts';
import { schedulesActor } from './schedules/schedules.ts';
import type { SchedulesMessages } from './schedules/schedules-protocol.ts';

export interface EventManagementParts {
  readonly system: ActorSystem;
  readonly store: Store;
  readonly random: () => number;
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (payload: Uint8Array) => unknown;
  readonly send: (request: Omit<CallRequest, 'mode' | 'chunk' | 'from'>) => { cancel(): void };
  readonly isWorkflow: (name: string) => boolean;
  readonly describe: (functionName: string) => FunctionDescription | undefined;
  /** How long events are kept, and how many. */
  readonly retention: Retention;
  /** Some letters or digits, of its own for each host that ever ran. */
  readonly salt: string;
  /** Actors that jobs need to the end. */
  readonly dependsOn: readonly { readonly path: string }[];
  readonly onFault: (fault: string) => void;
  /** The time zone of the host, and which rules of time zones it has; those of the process where they are left out. */
  readonly zones?: Zones;
}

interface Zones {
  readonly host: string;
  readonly rules: string;
}

export interface EventManagement {
  readonly jobs: ActorRef<JobsMessages>;
  readonly queues: OpenQueues;
  readonly schedules: ActorRef<SchedulesMessages>;
  readonly events: ActorRef<EventsMessages>;
  /** For those that were published without one. */
  readonly newEventId: (wallMs: number) => string;
  functionChanged(description: FunctionDescription): void;
}

export function composeEventManagement(parts: EventManagementParts): EventManagement {
  const { system, store, random, encode, decode, describe, isWorkflow, onFault, zones = zonesOfProcess() } = parts;
  const database = store.database('jobs');
  const jobStore = new JobStore(database);
  const nextTurn = turnsOn(system.clock);
  const newId = jobIds(parts.salt);
  const newEventId = (wallMs: number) => `e${newId(wallMs).slice(1)}`;
  const open = (queue: string) => jobs.ask('open', { queue });
  const { definition, queues } = jobsActor({
    database,
    store: jobStore,
    callTarget: callTarget({ ...parts, clock: system.clock }),
    random,
    newId,
    encode,
    decode,
    nextTurn,
    settingsOf: (queue) => settingsFor(describe(queue)),
    deliver: async (id, record) => {
      await deliver(id, record, {
        store: jobStore,
        encode,
        decode,
        open,
        async publish(event) {
          const door = { wallMs: () => system.clock.wallMs(), newId: newEventId, encode };
          await publish(events, newEvents([event], false, door));
        },
      });
    },
    onFault,
  });
  const jobs = system.spawn({ ...definition, dependsOn: parts.dependsOn });
  const scheduleDatabase = store.database('schedules');
  const schedules = system.spawn({
    ...schedulesActor({
      database: scheduleDatabase,
      store: new ScheduleStore(scheduleDatabase),
      jobs,
      queues,
      encode,
      decode,
      isDeployed: (name) => describe(name) !== undefined || isWorkflow(name),
      hostTimeZone: zones.host,
      zoneRules: zones.rules,
      nextTurn,
      onFault,
    }),
    dependsOn: [jobs],
  });
  const events = system.spawn({
    ...eventsActor({
      database: store.database('cloud-events'),
      random,
      decode,
      retention: parts.retention,
      nextTurn,
      isDeployed: (name) => describe(name) !== undefined || isWorkflow(name),
      enqueue: async (name, newJobs) => enqueueAll(queues.get(name) ?? (await open(name)), newJobs),
      onFault,
    }),
    dependsOn: [jobs],
  });
  return {
    jobs,
    queues,
    schedules,
    events,
    newEventId,
    functionChanged(description) {
      jobs.tell('configure', { queue: description.name, settings: settingsFor(description) });
      events.tell('deployed', { function: description.name });
    },
  };
}

function zonesOfProcess(): Zones {
  return { host: Intl.DateTimeFormat().resolvedOptions().timeZone, rules: process.versions['tz'] ?? '' };
}

/** Turns of the event loop; a clock that is moved by hand stands still meanwhile. */
function turnsOn(clock: Clock): (callback: () => void) => void {
  let waiting = 0;
  clock.holdWhile?.(() => waiting > 0);
  return (callback) => {
    waiting++;
    setImmediate(() => {
      waiting--;
      callback();
    });
  };
}
