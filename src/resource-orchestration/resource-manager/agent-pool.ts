/**
 * Keeps one node agent alive in every slot: starts it, watches its lease, drains it when it is impaired, replaces it when it is lost.
 * What happens to the workers on an agent is the manager's business; it hears of it through `AgentPoolHost`.
 *
 * An agent's name carries a lease while workers are on it, since only then it must send heartbeats. An inline agent is this process: it
 * has no lease, since when it hangs, so do we; and it is not replaced when it is impaired, since its replacement would be the same process.
 * What it has abandoned stays charged.
 */
import { type SerializedError, serializeError, TroupeError } from '../../errors.ts';
import type { CancelTimer, Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import {
  type AgentEvent,
  type AgentLink,
  HEARTBEAT_MS,
  type StartAgent,
  type WorkerSpec,
} from '../node-agent/protocol.ts';
import { agentBackoffMs, HEALTHY_AFTER_MS } from './backoff-policy.ts';
import type { ClusterState, NodeRecord } from './cluster-state.ts';
import type { NameHolder } from './name-holder.ts';

/** How long a new agent may take until it is ready. */
const AGENT_START_LEASE_MS = 30_000;
/** Five heartbeats. */
export const AGENT_LEASE_MS = 5 * HEARTBEAT_MS;
/** What is still on a draining agent after this goes down with it. */
export const AGENT_DRAIN_MS = 10_000;

const AGENT_NAMES = 'agents/';
const agentName = (agentId: string): string => `${AGENT_NAMES}${agentId}`;

export interface AgentPoolOptions {
  readonly startAgent: StartAgent;
  /** One agent for each entry. */
  readonly budgetsMb: readonly number[];
  readonly cpuShares: number;
  readonly clock: Clock;
  readonly random: Random;
}

export interface AgentPoolHost {
  readonly cluster: ClusterState;
  readonly names: NameHolder;
  /** Runs the callback in the manager's turn. */
  after(delayMs: number, callback: () => void): CancelTimer;
  /** Brings an event into the manager's turn; there it goes to `handle`. */
  deliver(agentId: string, event: AgentEvent): void;
  /** The agent is ready: there is room. */
  ready(): void;
  /** The agent takes nothing new; what is on it must leave. */
  draining(agentId: string): void;
  /** The agent is gone. It is still in the cluster state, for the host to remove. */
  gone(agentId: string, error: SerializedError): void;
}

interface Slot {
  readonly index: number;
  readonly budgetMb: number;
  starts: number;
  /** Agents in a row that lived less than `HEALTHY_AFTER_MS` and on which no worker did its work. */
  shortLives: number;
}

interface Agent {
  readonly link: AgentLink;
  readonly slot: Slot;
  readonly startedAtMs: number;
  lastEventAtMs: number;
  /** A worker on it did its work. */
  isProven: boolean;
  cancelDrain?: CancelTimer;
}

export class AgentPool {
  readonly #options: AgentPoolOptions;
  readonly #host: AgentPoolHost;
  readonly #agents = new Map<string, Agent>();
  #started = 0;
  #isClosing = false;

  constructor(options: AgentPoolOptions, host: AgentPoolHost) {
    this.#options = options;
    this.#host = host;
  }

  startAll(): void {
    this.#options.budgetsMb.forEach((budgetMb, index) => {
      this.#start({ index, budgetMb, starts: 0, shortLives: 0 });
    });
  }

  link(agentId: string): AgentLink | undefined {
    return this.#agents.get(agentId)?.link;
  }

  /** Which of them will get the worker is not known yet. */
  expect(expected: Pick<WorkerSpec, 'kind' | 'memoryMb'>): void {
    for (const { link } of this.#agents.values()) link.expectWorker?.(expected);
  }

  /** An agent's own news. Workers' events are for the manager, which calls this for each event first. */
  handle(agentId: string, event: AgentEvent): void {
    const agent = this.#agents.get(agentId);
    const node = this.#host.cluster.nodes.get(agentId);
    if (!agent || !node) return;
    agent.lastEventAtMs = this.#options.clock.nowMs();
    this.#host.names.renew(agentName(agentId));
    if (event.type === 'agentReady') {
      if (node.state === 'starting') node.state = 'ready';
      node.pid = event.pid;
      this.refreshLease(agentId);
      this.#host.ready();
    } else if (event.type === 'heartbeat') node.sample = event.sample;
    else if (event.type === 'agentImpaired' && agent.link.kind === 'process') this.#drain(agentId, agent, node);
    else if (event.type === 'agentLost') this.#lost(agentId, event.error);
  }

  /** A worker on the agent does its work. */
  approved(agentId: string): void {
    const agent = this.#agents.get(agentId);
    if (agent) agent.isProven = true;
  }

  /** To be called when an agent got its first worker or lost its last one. Ends a draining agent once nothing is on it. */
  refreshLease(agentId: string): void {
    const agent = this.#agents.get(agentId);
    const node = this.#host.cluster.nodes.get(agentId);
    if (!agent || !node || node.state === 'starting') return;
    const hasLease = node.workers.size > 0 && agent.link.kind === 'process';
    this.#host.names.renew(agentName(agentId), hasLease ? AGENT_LEASE_MS : Number.POSITIVE_INFINITY);
    if (node.state !== 'draining') return;
    const workers = [...node.workers.values()];
    if (workers.length === 0) this.#retire(agentId, agent);
    // An abandoned thread ends with its process only.
    else if (workers.every(({ state }) => state === 'abandoned'))
      this.#kill(agentId, 'Only abandoned workers were left.');
  }

  /** The lease of a name ended. Two more heartbeats of patience: if it was we who stood still, the agent's events are waiting for us. */
  leaseExpired(name: string): void {
    const agentId = name.slice(AGENT_NAMES.length);
    const agent = this.#agents.get(agentId);
    if (!agent || !name.startsWith(AGENT_NAMES)) return;
    const expiredAtMs = this.#options.clock.nowMs();
    this.#host.after(2 * HEARTBEAT_MS, () => {
      if (this.#agents.get(agentId) !== agent) return;
      if (agent.lastEventAtMs < expiredAtMs) return this.#kill(agentId, 'Its lease expired: it sent no heartbeat.');
      this.#host.names.hold(name, holderOf(agent), AGENT_LEASE_MS);
      this.refreshLease(agentId);
    });
  }

  async shutdown(graceMs: number): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled([...this.#agents.values()].map(({ link }) => link.shutdown(graceMs)));
  }

  #start(slot: Slot): void {
    const agentId = `a${++this.#started}`;
    const nowMs = this.#options.clock.nowMs();
    let link: AgentLink;
    try {
      link = this.#options.startAgent(agentId);
    } catch {
      return this.#replace(slot, { startedAtMs: nowMs, isProven: false });
    }
    const agent: Agent = { link, slot, startedAtMs: nowMs, lastEventAtMs: nowMs, isProven: false };
    this.#agents.set(agentId, agent);
    this.#host.cluster.addNode({
      agentId,
      slot: slot.index,
      kind: link.kind,
      budgetMb: slot.budgetMb,
      cpuShares: this.#options.cpuShares,
      restarts: slot.starts++,
    });
    this.#host.names.hold(agentName(agentId), holderOf(agent), AGENT_START_LEASE_MS);
    link.onEvent((event) => {
      if (!this.#isClosing) this.#host.deliver(agentId, event);
    });
  }

  /**
   * At once, unless the slot's agents keep going down soon after their start. Where workers do their work the agent is not what fails: to
   * hold it back would let one function that takes it down keep all others waiting.
   */
  #replace(slot: Slot, { startedAtMs, isProven }: Pick<Agent, 'startedAtMs' | 'isProven'>): void {
    const { clock, random } = this.#options;
    const isHealthy = isProven || clock.nowMs() - startedAtMs >= HEALTHY_AFTER_MS;
    slot.shortLives = isHealthy ? 0 : slot.shortLives + 1;
    const delayMs = agentBackoffMs(slot.shortLives, random);
    if (delayMs === 0) this.#start(slot);
    else this.#host.after(delayMs, () => this.#start(slot));
  }

  #drain(agentId: string, agent: Agent, node: NodeRecord): void {
    if (node.state === 'draining') return;
    node.state = 'draining';
    agent.cancelDrain = this.#host.after(AGENT_DRAIN_MS, () => this.#kill(agentId, 'It did not drain in time.'));
    this.#replace(agent.slot, agent);
    this.#host.draining(agentId);
    this.refreshLease(agentId);
  }

  #kill(agentId: string, why: string): void {
    this.#agents.get(agentId)?.link.kill();
    this.#lost(agentId, serializeError(new TroupeError('AGENT_LOST', `Node agent ${agentId} was stopped. ${why}`)));
  }

  #lost(agentId: string, error: SerializedError): void {
    const agent = this.#forget(agentId);
    if (!agent) return;
    const wasReplaced = this.#host.cluster.nodes.get(agentId)?.state === 'draining';
    this.#host.gone(agentId, error);
    if (!wasReplaced) this.#replace(agent.slot, agent);
  }

  /** The end of a drained agent. Nothing is on it, so nobody needs to wait for it. */
  #retire(agentId: string, { link }: Agent): void {
    this.#forget(agentId);
    this.#host.gone(agentId, serializeError(new TroupeError('AGENT_LOST', `Node agent ${agentId} was drained.`)));
    link.shutdown(0).catch(() => link.kill());
  }

  #forget(agentId: string): Agent | undefined {
    const agent = this.#agents.get(agentId);
    agent?.cancelDrain?.();
    this.#agents.delete(agentId);
    this.#host.names.drop(agentName(agentId));
    return agent;
  }
}

function holderOf({ link, slot }: Pick<Agent, 'link' | 'slot'>): { kind: string; slot: number; budgetMb: number } {
  return { kind: link.kind, slot: slot.index, budgetMb: slot.budgetMb };
}
