/**
 * The function router: takes each call to an instance, or lets it wait for one.
 *
 * Boundary: owns the ready index, the queues and the deadlines. It asks nobody: the registry, the deployer and the instances tell it.
 * Invariants (numbers as in README.md):
 * 1. Every call settles exactly once.
 * 2. A warm call crosses this mailbox once and no other.
 * 3. No instance has more calls inside than its concurrency, counting those that have settled but not left.
 * 4. A queue holds at most `maxQueued` calls; a call waits no longer than its deadline.
 */
import { later } from '../../kernel/actor-system.ts';
import type { ActorDefinition } from '../../kernel/protocol.ts';
import type { Call } from './call.ts';
import type { RouterMessages } from './protocol.ts';
import { cancelled } from './refusals.ts';
import { type RouterOptions, Routing } from './routing.ts';
import { idleInstances, observe, snapshot } from './views.ts';

/** The mailbox must hold the calls of a burst: each of them is a caller who waits anyway. */
const MAILBOX_CAPACITY = 100_000;

export function routerActor(options: RouterOptions): ActorDefinition<RouterMessages<Call>> {
  return {
    name: 'router',
    mailboxCapacity: MAILBOX_CAPACITY,
    // What frees slots must arrive however many calls stand in the way.
    controlMessages: [
      'functionChanged',
      'functionRemoved',
      'cancel',
      'callLeft',
      'callLost',
      'resume',
      'peerReport',
      'instanceStarting',
      'instanceReady',
      'instanceGone',
      'retireInstances',
      'startFailed',
      'drain',
    ],
    supervision: { onFailure: 'resume' },
    start: (context) => {
      const router = new Routing(options, context);
      return {
        invoke: (call) => router.invoke(call),
        resume: ({ call, resumed }) => router.resume(call, resumed),
        peerReport: ({ instanceId, report, work }) => router.peerReport(instanceId, report, work),
        cancel: (call) => router.stopCall(call, cancelled(), 'cancelled'),
        callLeft: ({ instanceId, call }) => router.callLeft(instanceId, call as Call),
        callLost: ({ call, loss }) => router.callLost(call, loss),
        instanceStarting: (handle) => router.instanceStarting(handle),
        instanceReady: (handle) => router.instanceReady(handle),
        instanceGone: ({ instanceId, loss }) => router.instanceEnded(instanceId, loss),
        retireInstances: ({ instanceIds, graceMs }) => router.retire(instanceIds, graceMs),
        functionChanged: (description) => router.functionChanged(description),
        functionRemoved: (name) => router.functionRemoved(name),
        startFailed: ({ name, version, error }) => router.startFailed(name, version, error),
        observe: (query) => observe(router.routes(query), query.leaders, context.clock.nowMs()),
        idleInstances: (filter) => idleInstances(router.routes({ reclaimIdle: true }), filter, context.clock.nowMs()),
        drain: ({ timeoutMs }) => later(router.drain(timeoutMs)),
        snapshot: () => snapshot(router.routes()),
      };
    },
  };
}
