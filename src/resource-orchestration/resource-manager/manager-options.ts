/** What the resource manager is made from, and the messages that it is sent, its own included. */
import type { Clock } from '../../kernel/clock.ts';
import type { ActorRef } from '../../kernel/protocol.ts';
import type { Random } from '../../kernel/random.ts';
import type { NamingServiceMessages } from '../naming-service/protocol.ts';
import type { AgentEvent, StartAgent } from '../node-agent/protocol.ts';
import type { Placement, ResourceSchedulerMessages } from '../resource-scheduler/protocol.ts';
import type { ResourceManagerMessages } from './protocol.ts';

export interface ResourceManagerOptions {
  readonly startAgent: StartAgent;
  /** What the workers of each agent may use together, in MiB; one agent is kept for each entry. */
  readonly budgetsMb: readonly number[];
  /** Busy threads that one agent may promise; the default is `CPU_SHARES` shared out evenly. */
  readonly cpuShares?: number;
  readonly naming: ActorRef<NamingServiceMessages>;
  readonly scheduler: ActorRef<ResourceSchedulerMessages>;
  readonly clock: Clock;
  readonly random: Random;
  /** How long workers may take to end when the manager stops. 1 s: whoever drains calls does so before. */
  readonly shutdownGraceMs?: number;
  /** Invariant 7. 10,000: more claims than any machine has room for. */
  readonly maxClaims?: number;
}

/** What the manager tells itself, so that whatever happens elsewhere is handled in its own turn. */
type InternalMessages = {
  agentEvent: { body: { readonly agentId: string; readonly event: AgentEvent } };
  placed: { body: { readonly placements: readonly Placement[] } };
  idsReserved: { body: undefined };
  victimsChosen: { body: { readonly needId: number; readonly victims: readonly string[] } };
  nameTaken: { body: { readonly name: string } };
  nameExpired: { body: { readonly name: string } };
};

export type AllMessages = ResourceManagerMessages & InternalMessages;
