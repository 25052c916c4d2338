/** Events and triggers in a world of jobs: publishes, sets triggers, and looks at what came of it. */
import { EventStore } from '../../src/ecosystem/event-management/events/event-store.ts';
import type { EventsMessages } from '../../src/ecosystem/event-management/events/events-protocol.ts';
import { newEvents, publish } from '../../src/ecosystem/event-management/events/new-events.ts';
import { checkTrigger } from '../../src/ecosystem/event-management/events/trigger-options.ts';
import type {
  NewCloudEvent,
  Published,
  TriggerOptions,
  TriggerView,
} from '../../src/ecosystem/event-management/protocol.ts';
import type { ActorRef } from '../../src/kernel/protocol.ts';
import { encodePayload } from '../../src/transport/codec.ts';
import type { JobWorld } from './job-world.ts';

let ids = 0;

export function anEvent(parts: Partial<NewCloudEvent> = {}): NewCloudEvent {
  return { source: '/shop', type: 'order.placed', ...parts };
}

export function publishMany(world: JobWorld, events: readonly NewCloudEvent[]): Promise<readonly Published[]> {
  const door = {
    wallMs: () => world.clock.wallMs(),
    newId: () => `id-${ids++}`,
    encode: (value: unknown) => encodePayload(value, { limitBytes: 2_097_152 }),
  };
  return settled(world, publish(world.events, newEvents(events, true, door)));
}

export async function publishOne(world: JobWorld, event: NewCloudEvent = anEvent()): Promise<Published> {
  const [published] = await publishMany(world, [event]);
  if (!published) throw new Error('nothing was published');
  return published;
}

export function setTrigger(world: JobWorld, name: string, options: TriggerOptions) {
  return askEvents(world, 'setTrigger', { name, trigger: checkTrigger(name, options) });
}

export async function trigger(world: JobWorld, name: string): Promise<TriggerView> {
  return (await askEvents(world, 'trigger', { name })) as TriggerView;
}

export function askEvents<T extends Parameters<ActorRef<EventsMessages>['ask']>[0]>(
  world: JobWorld,
  type: T,
  body: EventsMessages[T]['body'],
) {
  return settled(world, world.events.ask(type, body));
}

/** What is wrong on disk. */
export function eventFaults(world: JobWorld): string[] {
  return [...new EventStore(world.store.database('cloud-events')).faults()];
}

async function settled<T>(world: JobWorld, promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  await world.clock.advance(0);
  return promise;
}
