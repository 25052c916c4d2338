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
  InstanceOrigin,
  InstancePeers,
  InstanceState,
} from './protocol.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** How long after its channel closed an instance waits to be told why. The agent reports within a turn of its loop. */
const LOSS_NOTICE_MS = 2_000;

export function instanceActor(options: InstanceOptions): ActorDefinition<InstanceMessages> {
  return {
    name: `instance-${options.worker.workerId}`,
    controlMessages: ['ready', 'workerLost', 'channelClosed', 'retire', 'callLeft'],
    supervision: { onFailure: 'escalate' },
    start: (context) => {
      const instance = new Instance(options, context);
      // Invariant 4 also holds for an instance that fails itself, or is stopped with its parent.
      context.onStop(() => instance.abandon());
      return {
        ready: () => instance.ready(),
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
  /** When it was told what to become. */
  #toldAtMs = Number.POSITIVE_INFINITY;
  readonly #origin: Writable<InstanceOrigin>;
  readonly #handle: InstanceHandle;
  /** It ended before it was ready, as far as is known: what it said before may still be on the way. */
  #loss: { readonly reason: InstanceLoss['reason']; readonly error: SerializedError | undefined } | undefined;
  #endReason: InstanceLoss['reason'] = 'requested';
  /** Slots that other instances may use. */
  #leases = 0;

  constructor(options: InstanceOptions, context: ActorContext<InstanceMessages>) {
    this.#options = options;
    this.#context = context;
    this.#self = context.self;
    const { worker, image, observer, mapError, startedBecause } = options;
    const { claimedAtMs, placedAtMs, startedAtMs } = worker;
    this.#origin = {
      reason: startedBecause,
      claimedAtMs,
      placedAtMs,
      startedAtMs,
      specialisedAtMs: Number.POSITIVE_INFINITY,
    };
    this.#connection = new InstanceConnection({
      origin: {
        instanceId: worker.workerId,
        functionName: image.functionName,
        functionVersion: image.functionVersion,
      },
      channel: worker.channel,
      mapError,
      onReady: (tookMs) => this.#loaded(tookMs),
      onClosed: () => this.#self.tell('channelClosed', undefined),
      observer: {
        ...observer,
        callLeft: (instanceId, call) => {
          observer.callLeft(instanceId, call);
          if (this.#state === 'draining') this.#self.tell('callLeft', undefined);
        },
      },
    });
    this.#handle = this.#makeHandle();
    this.#specialise();
    if (worker.control.takesEarlyCalls) observer.starting(this.#handle);
  }

  /** Once, for what is heard first: what its channel says, or its control port. */
  ready(): void {
    if (this.#state !== 'specialising' || this.#loss) return;
    this.#become('ready');
    const { observer, listener, worker } = this.#options;
    observer.ready(this.#handle);
    listener.ready(worker.workerId);
  }

  specialised(outcome: SpecialiseOutcome): void {
    if (hasEnded(this.#state)) return;
    if (outcome.kind === 'ready') {
      this.#loaded(outcome.tookMs);
      return this.#state === 'draining' ? this.endIfDrained() : this.ready();
    }
    const { error } = outcome;
    // Not the function's fault, and `workerLost` is on its way: who waits for it goes on waiting, for the worker's replacement.
    if (error.code === 'AGENT_LOST' && this.#isLoading) return;
    if (outcome.isLost) {
      // With calls inside it matters why: that comes with the same notice.
      if (this.#connection.inFlight === 0) this.lost('crashed', error);
      else this.#context.after(LOSS_NOTICE_MS, () => this.lost('crashed', error));
    } else if (this.#state === 'draining') this.#end(this.#endReason, { hasNotBegun: true });
    else if (this.#state === 'specialising') this.#fail(this.#options.mapError(error), true);
  }

  /** What was sent to it early may have begun, or even ended: then that is answered. */
  retire(graceMs: number, reason: InstanceLoss['reason']): void {
    if (hasEnded(this.#state)) return;
    if (this.#isLoading && this.#connection.inFlight === 0) return this.#end(reason);
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

  /** Whether the calls that were sent early have begun, its channel says: what came before the end is delivered before it. */
  lost(reason: InstanceLoss['reason'], error: SerializedError | undefined): void {
    if (hasEnded(this.#state) || this.#loss) return;
    this.#loss = { reason, error };
    if (this.#hasFunction || this.#connection.inFlight === 0 || this.#connection.isClosed) this.#finishLost();
    else this.#context.after(LOSS_NOTICE_MS, () => this.#finishLost());
  }

  /** Nobody is left to wait for anything. */
  abandon(): void {
    this.#loss ??= { reason: 'crashed', error: undefined };
    this.#finishLost();
  }

  channelClosed(): void {
    if (this.#loss) this.#finishLost();
    else if (!hasEnded(this.#state)) this.#context.after(LOSS_NOTICE_MS, () => this.lost('crashed', undefined));
  }

  #finishLost(): void {
    if (hasEnded(this.#state) || !this.#loss) return;
    const { reason, error } = this.#loss;
    const hasNotBegun = !this.#hasFunction && this.#connection.isClosed;
    const mapped = error && this.#options.mapError(error);
    if (!this.#isLoading || this.#hasFunction || reason === 'agent-lost') {
      return this.#end(reason, { hasNotBegun, ...(mapped && { error: mapped }) });
    }
    const unknown = new TroupeError('INSTANCE_CRASHED', `The instance ended while it loaded: ${reason}.`);
    this.#fail(mapped ?? serializeError(unknown), hasNotBegun);
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
      ...(this.#hasFunction ? { coldStartMs: this.#origin.specialisedAtMs - worker.claimedAtMs } : {}),
    };
  }

  #specialise(): void {
    this.#become('specialising');
    this.#toldAtMs = this.#context.clock.nowMs();
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
        false,
      );
    });
  }

  get #hasFunction(): boolean {
    return this.#origin.specialisedAtMs < Number.POSITIVE_INFINITY;
  }

  get #isLoading(): boolean {
    return this.#state === 'specialising';
  }

  /** In the turn of the transport, as what it answers next is: that is measured from here. Durations travel, times do not. */
  #loaded(tookMs: number): void {
    if (this.#hasFunction) return;
    this.#origin.specialisedAtMs = Math.min(this.#context.clock.nowMs(), this.#toldAtMs + tookMs);
    this.#self.tell('ready', undefined);
  }

  #makeHandle(): InstanceHandle {
    const { worker, image, concurrency } = this.#options;
    return {
      instanceId: worker.workerId,
      claimId: worker.claimId,
      agentId: worker.agentId,
      functionName: image.functionName,
      functionVersion: image.functionVersion,
      concurrency,
      memoryMb: image.memoryMb,
      origin: this.#origin,
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

  #fail(error: SerializedError, hasNotBegun: boolean): void {
    this.#become('failed');
    const { worker, listener, observer } = this.#options;
    const loss = lossOf(worker.workerId, 'start-failed', { error, hasNotBegun });
    observer.gone(loss.instanceId, loss);
    this.#connection.abandon(loss);
    listener.failed(worker.workerId, error);
    this.#context.stop(this.#self);
  }

  #end(reason: InstanceLoss['reason'], facts: LossFacts = {}): void {
    if (hasEnded(this.#state)) return;
    this.#become('stopped');
    const loss = lossOf(this.#options.worker.workerId, reason, facts);
    this.#options.observer.gone(loss.instanceId, loss);
    this.#connection.abandon(loss);
    this.#options.listener.ended(loss);
    this.#context.stop(this.#self);
  }
}

interface LossFacts {
  readonly error?: SerializedError;
  readonly hasNotBegun?: boolean;
}

function lossOf(instanceId: string, reason: InstanceLoss['reason'], { error, hasNotBegun }: LossFacts): InstanceLoss {
  return { instanceId, reason, ...(error && { error }), ...(hasNotBegun && { hasNotBegun }) };
}
