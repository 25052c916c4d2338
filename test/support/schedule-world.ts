/** Schedules in a world of jobs: what a test says to them, and which times they have fired. */
import type { ScheduleDetails, ScheduleOptions, ScheduleSet } from '../../src/ecosystem/event-management/protocol.ts';
import { specOf } from '../../src/ecosystem/event-management/schedules/schedule-options.ts';
import { ScheduleStore } from '../../src/ecosystem/event-management/schedules/schedule-store.ts';
import type { SchedulesMessages } from '../../src/ecosystem/event-management/schedules/schedules-protocol.ts';
import type { ScheduleEvent } from '../../src/handler.ts';
import type { ActorRef } from '../../src/kernel/protocol.ts';
import { encodePayload } from '../../src/transport/codec.ts';
import type { JobWorld } from './job-world.ts';

export async function ask<T extends Parameters<ActorRef<SchedulesMessages>['ask']>[0]>(
  world: JobWorld,
  type: T,
  body: SchedulesMessages[T]['body'],
) {
  const answer = world.schedules.ask(type, body);
  answer.catch(() => undefined);
  await world.clock.advance(0);
  return answer;
}

export async function set(
  world: JobWorld,
  name: string,
  options: Omit<ScheduleOptions, 'function'> & { readonly function?: string },
): Promise<ScheduleSet> {
  const { payload } = options;
  const spec = specOf(name, { function: 'work', ...options });
  const bytes = payload === undefined ? {} : { payload: encodePayload(payload, { limitBytes: 1_048_576 }) };
  return (await ask(world, 'set', { name, spec, ...bytes })) as ScheduleSet;
}

export async function get(world: JobWorld, name: string): Promise<ScheduleDetails> {
  return (await ask(world, 'get', { name })) as ScheduleDetails;
}

/** The times for which the function was called, as `MM-DDTHH:MM:SS`, in the order of the calls. */
export function firedTimes(world: JobWorld, schedule?: string): string[] {
  return world.attempts
    .filter(({ attempt, payload }) => attempt === 1 && (!schedule || (payload as ScheduleEvent).schedule === schedule))
    .map(({ payload }) => (payload as ScheduleEvent).scheduledAt.slice(5, 19));
}

/** What is wrong with what is on disk. */
export function scheduleFaults(world: JobWorld): string[] {
  return [...new ScheduleStore(world.store.database('schedules')).faults(), ...world.listFaults()];
}
