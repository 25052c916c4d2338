/**
 * One function instance: loads the function into its worker, offers itself to the router, drains, ends.
 *
 * Boundary: owns the connection and the state. The worker belongs to the resource manager, routing to the router.
 * Invariants (numbers as in README.md):
 * 3. State changes only along `lifecycle.ts`.
 * 4. Exactly one of `failed` and `ended` is the last notice; by then no call is inside.
 */
import { type SerializedError, serializeError, TroupeError } from '../../errors.ts';
import type { ActorContext, ActorDefinition, ActorRef } from '../../kernel/protocol.ts';
import type { SpecialiseOutcome } from '../../transport/instance-control.ts';
import { InstanceConnection } from './connection.ts';
import { hasEnded, mayBecome, shownState } from './lifecycle.ts';
import type {
  InstanceHandle,
  InstanceLoss,
  InstanceMessages,
  InstanceOptions,
  InstancePeers,
  InstanceState,
} from './protocol.ts';

/** How long after its channel closed an instance waits to be told why. The agent reports within a turn of its loop. */
const LOSS_NOTICE_MS = 2_000;

export function instanceActor(options: InstanceOptions): ActorDefinition<InstanceMessages> {
  return {
    name: `instance-${options.worker.workerId}`,
    controlMessages: ['workerLost', 'channelClosed', 'retire', 'callLeft'],
    supervision: { onFailure: 'escalate' },
    start: (context) => {
      const instance = new Instance(options, context);
      // Invariant 4 also holds for an instance that fails itself, or is stopped with its parent.
      context.onStop(() => instance.lost('crashed', undefined));
      return {
        specialised: (outcome) => instance.specialised(outcome),
        retire: ({ graceMs, reason }) => instance.retire(graceMs, reason),
        workerLost: ({ reason, error }) => instance.lost(reason, error),
        channelClosed: () => instance.channelClosed(),
        callLeft: () => instance.endIfDrained(),
        describe: () => instance.describe(),
      };
    },
  };
}

class Instance {
  readonly #options: InstanceOptions;
  readonly #context: ActorContext<InstanceMessages>;
  readonly #self: ActorRef<InstanceMessages>;
  readonly #connection: InstanceConnection;
  #state: InstanceState = 'spare';
  #coldStartMs: number | undefined;
  #endReason: InstanceLoss['reason'] = 'requested';
  /** Slots that other instances may use. */
  #leases = 0;

  constructor(options: InstanceOptions, context: ActorContext<InstanceMessages>) {
    this.#options = options;
    this.#context = context;
    this.#self = context.self;
    const { worker, image, observer, mapError } = options;
    this.#connection = new InstanceConnection({
      origin: {
        instanceId: worker.workerId,
        functionName: image.functionName,
        functionVersion: image.functionVersion,
      },
      channel: worker.channel,
      mapError,
      onClosed: () => this.#self.tell('channelClosed', undefined),
      observer: {
        ...observer,
        callLeft: (instanceId, call) => {
          observer.callLeft(instanceId, call);
          if (this.#state === 'draining') this.#self.tell('callLeft', undefined);
        },
      },
    });
    this.#specialise();
  }

  specialised(outcome: SpecialiseOutcome): void {
    if (this.#state === 'draining') return this.#end(this.#endReason);
    if (this.#state !== 'specialising') return;
    if (outcome.kind === 'failed') {
      // Not the function's fault, and `workerLost` is on its way: who waits for it goes on waiting, for the worker's replacement.
      if (outcome.error.code === 'AGENT_LOST') return;
      return this.#fail(this.#options.mapError(outcome.error));
    }
    this.#become('ready');
    const { worker } = this.#options;
    const specialisedAtMs = this.#context.clock.nowMs();
    this.#coldStartMs = specialisedAtMs - worker.claimedAtMs;
    this.#options.observer.ready(this.#handle(specialisedAtMs));
    this.#options.listener.ready(worker.workerId);
  }

  retire(graceMs: number, reason: InstanceLoss['reason']): void {
    if (hasEnded(this.#state)) return;
    if (this.#state === 'spare' || this.#state === 'specialising') return this.#end(reason);
    // Told again, it keeps its first reason and the shorter grace.
    if (this.#state !== 'draining') {
      this.#become('draining');
      this.#endReason = reason;
    }
    this.endIfDrained();
    if (!hasEnded(this.#state)) this.#context.after(graceMs, () => this.#end(this.#endReason));
  }

  endIfDrained(): void {
    if (this.#state === 'draining' && this.#connection.inFlight === 0 && this.#leases === 0) this.#end(this.#endReason);
  }

  lost(reason: InstanceLoss['reason'], error: SerializedError | undefined): void {
    if (hasEnded(this.#state)) return;
    if (this.#state === 'specialising' && reason !== 'agent-lost') {
      return this.#fail(
        error ?? serializeError(new TroupeError('INSTANCE_CRASHED', `The instance ended while it loaded: ${reason}.`)),
      );
    }
    this.#end(reason, error && this.#options.mapError(error));
  }

  channelClosed(): void {
    if (!hasEnded(this.#state)) this.#context.after(LOSS_NOTICE_MS, () => this.lost('crashed', undefined));
  }

  describe() {
    const { worker, image, startedBecause } = this.#options;
    return {
      instanceId: worker.workerId,
      claimId: worker.claimId,
      agentId: worker.agentId,
      functionName: image.functionName,
      functionVersion: image.functionVersion,
      state: shownState(this.#state, this.#connection.inFlight),
      startedBecause,
      ...(this.#coldStartMs === undefined ? {} : { coldStartMs: this.#coldStartMs }),
    };
  }

  #specialise(): void {
    this.#become('specialising');
    const { worker, image, startTimeoutMs } = this.#options;
    worker.control.specialise(image).then(
      (outcome) => this.#self.tell('specialised', outcome),
      (thrown) => this.#self.tell('specialised', { kind: 'failed', error: serializeError(thrown) }),
    );
    this.#context.after(startTimeoutMs, () => {
      if (this.#state !== 'specialising') return;
      this.#fail(
        serializeError(
          new TroupeError(
            'INSTANCE_START_FAILED',
            `Loading the function took longer than ${startTimeoutMs} ms. Look for work at the top level of the module.`,
          ),
        ),
      );
    });
  }

  #handle(specialisedAtMs: number): InstanceHandle {
    const { worker, image, concurrency, startedBecause } = this.#options;
    const { claimedAtMs, placedAtMs, startedAtMs } = worker;
    return {
      instanceId: worker.workerId,
      claimId: worker.claimId,
      agentId: worker.agentId,
      functionName: image.functionName,
      functionVersion: image.functionVersion,
      concurrency,
      memoryMb: image.memoryMb,
      origin: { reason: startedBecause, claimedAtMs, placedAtMs, startedAtMs, specialisedAtMs },
      dispatch: (call) => this.#connection.dispatch(call),
      cancel: (call, reason) => this.#connection.cancel(call, reason),
      grant: (call, chunks) => this.#connection.grant(call, chunks),
      retire: (graceMs, reason) => void this.#self.tell('retire', { graceMs, reason }),
      ...(worker.control.linkTo ? { peers: this.#peers() } : {}),
    };
  }

  #peers(): InstancePeers {
    const { worker, mapError } = this.#options;
    return {
      linkTo: async ({ instanceId }, link) => worker.control.linkTo?.(instanceId, link),
      tell: (command) => this.#connection.tellPeer(command),
      leased: (change) => {
        this.#leases += change;
        if (this.#state === 'draining') this.#self.tell('callLeft', undefined);
      },
      mapError,
    };
  }

  #become(state: InstanceState): void {
    if (!mayBecome(this.#state, state)) {
      throw new TroupeError('INTERNAL', `An instance cannot go from ${this.#state} to ${state}.`);
    }
    this.#state = state;
  }

  #fail(error: SerializedError): void {
    this.#become('failed');
    const { worker, listener } = this.#options;
    this.#connection.abandon({ instanceId: worker.workerId, reason: 'start-failed', error });
    listener.failed(worker.workerId, error);
    this.#context.stop(this.#self);
  }

  #end(reason: InstanceLoss['reason'], error?: SerializedError): void {
    if (hasEnded(this.#state)) return;
    this.#become('stopped');
    const loss: InstanceLoss = { instanceId: this.#options.worker.workerId, reason, ...(error ? { error } : {}) };
    this.#options.observer.gone(loss.instanceId, loss);
    this.#connection.abandon(loss);
    this.#options.listener.ended(loss);
    this.#context.stop(this.#self);
  }
}
