/** R2, the resource manager: the actor's mailbox. What the messages do is in reconciler.ts. */
import type { ActorDefinition } from '../../kernel/protocol.ts';
import type { AllMessages, ResourceManagerOptions } from './manager-options.ts';
import { Reconciler } from './reconciler.ts';

export function resourceManagerActor(options: ResourceManagerOptions): ActorDefinition<AllMessages> {
  return {
    name: 'resource-manager',
    dependsOn: [options.naming, options.scheduler],
    controlMessages: ['agentEvent', 'placed', 'idsReserved', 'victimsChosen', 'nameTaken', 'nameExpired'],
    // A restart would forget every claim while their owners wait for them.
    supervision: { onFailure: 'resume' },
    start: async (context) => {
      const manager = new Reconciler(options, context);
      await manager.start();
      return {
        expect: (expected) => manager.agents.expect(expected),
        claim: (claim) => manager.claim(claim),
        release: ({ claimId, graceMs }) => manager.release(claimId, graceMs),
        reject: (loss) => manager.reject(loss),
        approve: ({ claimId, workerId }) => manager.approve(claimId, workerId),
        offerVictims: ({ needId, candidates }) => manager.needs.offered(needId, candidates),
        snapshot: () => manager.cluster.snapshot(),
        agentEvent: ({ agentId, event }) => manager.agentEvent(agentId, event),
        placed: ({ placements }) => manager.placed(placements),
        idsReserved: () => manager.idsReserved(),
        victimsChosen: ({ needId, victims }) => manager.needs.chosen(needId, victims),
        nameTaken: ({ name }) => manager.nameTaken(name),
        nameExpired: ({ name }) => manager.agents.leaseExpired(name),
      };
    },
  };
}
