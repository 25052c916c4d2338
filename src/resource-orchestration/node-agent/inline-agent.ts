/**
 * The node agent in the control process itself: calls reach a thread through shared memory. What a thread does to its process (an abort, a
 * stuck `execSync`), it does to the host.
 */

import { holdProcess } from '../../kernel/process-hold.ts';
import type { InstanceImage, WorkerControl } from '../../transport/instance-control.ts';
import type { PeerLink } from '../../transport/peer-protocol.ts';
import type { Channel } from '../../transport/protocol.ts';
import { endedChannel, endedControl } from './ended-worker.ts';
import { findEntryPoints } from './entry-points.ts';
import { EventOutlet } from './event-outlet.ts';
import type { AgentEvent, AgentLink, WorkerSpec } from './protocol.ts';
import { WorkerSupervisor, type WorkerSupervisorOptions } from './worker-supervisor.ts';

export interface InlineAgentOptions
  extends Partial<Pick<WorkerSupervisorOptions, 'entryPoints' | 'clock' | 'startTimeoutMs' | 'spares' | 'spin'>> {
  readonly agentId: string;
}

export function createInlineAgent(options: InlineAgentOptions): AgentLink {
  return new InlineAgent(options);
}

const supervisors = new Set<WorkerSupervisor>();
let isListening = false;

/** One listener for all agents of this process, however many: Node warns of more than ten. */
function endWithProcess(supervisor: WorkerSupervisor): void {
  supervisors.add(supervisor);
  if (isListening) return;
  isListening = true;
  process.once('exit', () => {
    for (const each of supervisors) each.killAll();
  });
}

class InlineAgent implements AgentLink {
  readonly agentId: string;
  readonly kind = 'inline';
  readonly #events = new EventOutlet();
  readonly #supervisor: WorkerSupervisor;

  constructor({ agentId, ...options }: InlineAgentOptions) {
    this.agentId = agentId;
    this.#supervisor = new WorkerSupervisor({
      entryPoints: findEntryPoints(),
      ...options,
      emit: (event) => this.#events.emit(event),
    });
    endWithProcess(this.#supervisor);
    this.#events.emit({ type: 'agentReady', pid: process.pid });
  }

  onEvent(listener: (event: AgentEvent) => void): void {
    this.#events.listen(listener);
  }

  startWorker(workerId: string, spec: WorkerSpec): void {
    this.#supervisor.start(workerId, spec);
  }

  expectWorker(expected: Pick<WorkerSpec, 'kind' | 'memoryMb'>): void {
    this.#supervisor.expect(expected);
  }

  stopWorker(workerId: string, graceMs: number): void {
    this.#supervisor.stop(workerId, graceMs);
  }

  channel(workerId: string): Channel {
    return this.#supervisor.get(workerId)?.channel ?? endedChannel(workerId);
  }

  control(workerId: string): WorkerControl {
    const worker = this.#supervisor.get(workerId);
    if (!worker) return endedControl(workerId);
    const { control, spec } = worker;
    const specialise = (image: InstanceImage) => control.specialise(image);
    if (spec.kind !== 'thread') return { specialise, takesEarlyCalls: true };
    return {
      specialise,
      takesEarlyCalls: true,
      linkTo: (calleeId, id) => this.#link(workerId, calleeId, id),
    };
  }

  async #link(callerId: string, calleeId: string, id: number): Promise<PeerLink | undefined> {
    const supervisor = this.#supervisor;
    if (!(await supervisor.link(id, callerId, calleeId))) return undefined;
    return {
      lease: (done) => {
        supervisor.links.lease(id);
        done();
      },
      revoke: (onlyIdle, done) => done(supervisor.links.revoke(id, onlyIdle)),
    };
  }

  async shutdown(graceMs: number): Promise<void> {
    await holdProcess(this.#supervisor.stopAll(graceMs));
    if (this.#supervisor.size === 0) supervisors.delete(this.#supervisor);
  }

  kill(): void {
    void this.#supervisor.stopAll(0);
  }
}
