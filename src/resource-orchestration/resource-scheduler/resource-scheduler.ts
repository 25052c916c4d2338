/** R3, the resource scheduler: answers with the decisions of its two policies. It keeps no state, so a restart loses nothing. */
import type { ActorDefinition } from '../../kernel/protocol.ts';
import { chooseVictims } from './eviction-policy.ts';
import { placeAll } from './placement-policy.ts';
import type { ResourceSchedulerMessages } from './protocol.ts';

export function resourceSchedulerActor(): ActorDefinition<ResourceSchedulerMessages> {
  return {
    name: 'resource-scheduler',
    supervision: { onFailure: 'resume' },
    start: () => ({
      place: ({ pending, nodes }) => placeAll(pending, nodes),
      chooseVictims: (need) => ({ victims: chooseVictims(need) }),
    }),
  };
}
