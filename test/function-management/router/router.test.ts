import { beforeEach, describe, expect, it } from 'vitest';
import { type FunctionConfig, resolveFunctionConfig } from '../../../src/config.ts';
import { serializeError } from '../../../src/errors.ts';
import { CURRENT_ALIAS, type FunctionDescription } from '../../../src/function-management/registry/protocol.ts';
import { Call, type CallHost } from '../../../src/function-management/router/call.ts';
import type { CallOutcome, CallRequest, RouterMessages } from '../../../src/function-management/router/protocol.ts';
import { routerActor } from '../../../src/function-management/router/router.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { ProcessHold } from '../../../src/kernel/process-hold.ts';
import type { ActorRef } from '../../../src/kernel/protocol.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { EMPTY } from '../../../src/transport/protocol.ts';
import { type FakeHandle, fakeHandle } from '../../support/fake-instance.ts';

const RESULT = new Uint8Array([7]);

let clock: VirtualClock;
let ledger: Ledger;
let router: ActorRef<RouterMessages<Call>>;
let demands: string[];
let host: CallHost;

beforeEach(() => {
  clock = new VirtualClock();
  ledger = new Ledger(100);
  demands = [];
  const system = new ActorSystem({ clock });
  router = system.spawn(
    routerActor({
      random: seededRandom(1),
      maxCallDepth: 3,
      cancelGraceMs: 100,
      demandArrived: (name, version) => void demands.push(`${name}@${version}`),
    }),
  );
  host = {
    clock,
    ledger,
    hold: new ProcessHold(),
    lost: (call, loss) => void router.tell('callLost', { call, loss }),
  };
});

function describeFunction(
  configs: readonly FunctionConfig[],
  targets?: FunctionDescription['aliases'][0]['targets'],
): FunctionDescription {
  return {
    name: 'f',
    versions: configs.map((config, index) => ({
      name: 'f',
      version: index + 1,
      artifact: { hash: `${index}`, directory: '/', format: 'script', entry: '/f.cjs', bytes: 1 },
      shape: 'value',
      config: resolveFunctionConfig(config),
      createdAtMs: 0,
    })),
    aliases: [{ name: 'f', alias: CURRENT_ALIAS, targets: targets ?? [{ version: configs.length, weight: 1 }] }],
  };
}

interface Sent {
  readonly call: Call;
  readonly outcomes: CallOutcome[];
}

function send(request: Partial<CallRequest> = {}): Sent {
  const outcomes: CallOutcome[] = [];
  const call = new Call(
    {
      functionName: 'f',
      payload: EMPTY,
      mode: 'value',
      depth: 0,
      settled: (outcome) => void outcomes.push(outcome),
      ...request,
    },
    host,
  );
  router.tell('invoke', call);
  return { call, outcomes };
}

const settleMessages = () => clock.advance(0);
const codeOf = ({ outcomes }: Sent) => (outcomes[0]?.kind === 'failed' ? outcomes[0].error.code : outcomes[0]?.kind);

/** What a connection does when an answer arrives. */
function answer(handle: FakeHandle, call = handle.calls.shift()) {
  if (!call) throw new Error('no call inside');
  router.tell('callLeft', { instanceId: handle.instanceId, call });
  call.succeeded(RESULT, 1);
}

describe('router', () => {
  it('sends a call to a ready instance at once and tells nobody else', async () => {
    const handle = fakeHandle();
    router.tell('functionChanged', describeFunction([{}]));
    router.tell('instanceReady', handle);
    const sent = send();
    await settleMessages();
    expect(handle.calls).toEqual([sent.call]);
    answer(handle);
    await settleMessages();
    expect(sent.outcomes).toMatchObject([{ kind: 'succeeded', payload: RESULT }]);
    expect(demands).toEqual([]);
  });

  it('lets calls wait for an instance, asks for one once, and sends them in order of arrival', async () => {
    router.tell('functionChanged', describeFunction([{}]));
    const sent = [send(), send(), send()];
    await settleMessages();
    expect(demands).toEqual(['f@1']);
    const handle = fakeHandle();
    router.tell('instanceReady', handle);
    for (const one of sent) {
      await settleMessages();
      expect(handle.calls).toEqual([one.call]);
      answer(handle);
    }
    await settleMessages();
    expect(sent.map(codeOf)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  it('refuses a call over the bound of the queue and leaves those that wait alone', async () => {
    router.tell('functionChanged', describeFunction([{ maxQueued: 2 }]));
    const sent = [send(), send(), send()];
    await settleMessages();
    expect(sent.map(codeOf)).toEqual([undefined, undefined, 'OVERLOADED']);
  });

  it.each([
    ['FUNCTION_NOT_FOUND', { functionName: 'g' }],
    ['VERSION_NOT_FOUND', { version: 9 }],
    ['ALIAS_NOT_FOUND', { alias: 'beta' }],
    ['CALL_DEPTH_EXCEEDED', { depth: 4 }],
  ] as const)('answers %s for %j', async (code, request) => {
    router.tell('functionChanged', describeFunction([{}]));
    const sent = send(request);
    await settleMessages();
    expect(codeOf(sent)).toBe(code);
  });

  it('times a waiting call out at its own deadline and not before', async () => {
    router.tell('functionChanged', describeFunction([{ timeoutMs: 1_000 }]));
    const sent = [send(), send({ timeoutMs: 200 }), send({ timeoutMs: 5_000 })];
    await clock.advance(199);
    expect(sent.map(codeOf)).toEqual([undefined, undefined, undefined]);
    await clock.advance(10);
    expect(sent.map(codeOf)).toEqual([undefined, 'TIMEOUT', undefined]);
    await clock.advance(800);
    expect(sent.map(codeOf)).toEqual(['TIMEOUT', 'TIMEOUT', 'TIMEOUT']);
  });

  it('cancels a running call at its deadline, and keeps its slot until it has left', async () => {
    const handle = fakeHandle();
    router.tell('functionChanged', describeFunction([{ timeoutMs: 100 }]));
    router.tell('instanceReady', handle);
    const sent = send();
    await clock.advance(110);
    expect(codeOf(sent)).toBe('TIMEOUT');
    expect(handle.cancelled).toEqual([{ call: sent.call, reason: 'timeout' }]);
    const next = send();
    await settleMessages();
    expect(handle.calls).not.toContain(next.call);
    answer(handle);
    await settleMessages();
    expect(handle.calls).toEqual([next.call]);
    await clock.advance(50);
    expect(handle.retired).toEqual([]);
  });

  it('gives up an instance whose function ignores its cancellation', async () => {
    const handle = fakeHandle();
    router.tell('functionChanged', describeFunction([{ timeoutMs: 100 }]));
    router.tell('instanceReady', handle);
    send();
    await clock.advance(104);
    expect(handle.retired).toEqual([]);
    await clock.advance(110);
    expect(handle.retired).toEqual([{ graceMs: 0, reason: 'replaced' }]);
  });

  it('gives it up also where it drains, for those behind the stuck call would wait as long as it may take', async () => {
    const handle = fakeHandle({ concurrency: 2 });
    router.tell('functionChanged', describeFunction([{ timeoutMs: 100 }]));
    router.tell('instanceReady', handle);
    send();
    await settleMessages();
    router.tell('retireInstances', { instanceIds: [handle.instanceId], graceMs: 10_000 });
    await clock.advance(1_000);
    expect(handle.retired).toEqual([
      { graceMs: 10_000, reason: 'requested' },
      { graceMs: 1_000, reason: 'replaced' },
    ]);
  });

  it('runs an idempotent call again when its instance is lost, ahead of calls that came later, up to its attempts', async () => {
    router.tell('functionChanged', describeFunction([{ idempotent: true, maxAttempts: 2 }]));
    const first = fakeHandle({ instanceId: 'one' });
    router.tell('instanceReady', first);
    const retried = send();
    const waiting = send();
    await settleMessages();
    // Its payload will be needed once more.
    expect(retried.call.givesPayload).toBe(false);
    router.tell('instanceGone', { instanceId: 'one', loss: { instanceId: 'one', reason: 'agent-lost' } });
    retried.call.lost({ instanceId: 'one', reason: 'agent-lost' });
    const second = fakeHandle({ instanceId: 'two' });
    router.tell('instanceReady', second);
    await settleMessages();
    expect(second.calls).toEqual([retried.call]);
    expect(retried.call.attempt).toBe(2);
    expect(retried.call.givesPayload).toBe(true);
    router.tell('instanceGone', { instanceId: 'two', loss: { instanceId: 'two', reason: 'crashed' } });
    retried.call.lost({ instanceId: 'two', reason: 'crashed' });
    await settleMessages();
    expect(codeOf(retried)).toBe('INSTANCE_CRASHED');
    expect(codeOf(waiting)).toBeUndefined();
  });

  it('fails a lost call that is not idempotent, with the code of the loss', async () => {
    router.tell('functionChanged', describeFunction([{}]));
    const handle = fakeHandle();
    router.tell('instanceReady', handle);
    const sent = send();
    await settleMessages();
    expect(sent.call.givesPayload).toBe(true);
    sent.call.lost({ instanceId: handle.instanceId, reason: 'out-of-memory' });
    await settleMessages();
    expect(codeOf(sent)).toBe('OUT_OF_MEMORY');
  });

  it('does not give the payload away of a caller that reads it again', async () => {
    router.tell('functionChanged', describeFunction([{}]));
    router.tell('instanceReady', fakeHandle());
    const sent = send({ keepsPayload: true });
    await settleMessages();
    expect(sent.call.givesPayload).toBe(false);
  });

  it('moves calls that wait for the old version to the new one when the alias moves, but not those that name the version', async () => {
    router.tell('functionChanged', describeFunction([{}]));
    const follows = send();
    const pinned = send({ version: 1 });
    router.tell('functionChanged', describeFunction([{}, {}]));
    const next = fakeHandle({ instanceId: 'v2', functionVersion: 2 });
    router.tell('instanceReady', next);
    await settleMessages();
    expect(next.calls).toEqual([follows.call]);
    expect(codeOf(pinned)).toBeUndefined();
  });

  it('answers a call that waits for a version when that version makes way for newer ones', async () => {
    router.tell('functionChanged', describeFunction([{}, {}]));
    const pinned = send({ version: 1 });
    const { versions, ...rest } = describeFunction([{}, {}, {}]);
    router.tell('functionChanged', { ...rest, versions: versions.slice(1) });
    await settleMessages();
    expect(codeOf(pinned)).toBe('VERSION_NOT_FOUND');
    const later = send({ version: 1 });
    await settleMessages();
    expect(codeOf(later)).toBe('VERSION_NOT_FOUND');
  });

  it('tells the calls that wait why no instance starts', async () => {
    router.tell('functionChanged', describeFunction([{}]));
    const sent = send();
    await settleMessages();
    const { TroupeError } = await import('../../../src/errors.ts');
    router.tell('startFailed', { name: 'f', version: 1, error: new TroupeError('INSTANCE_START_FAILED', 'it throws') });
    await settleMessages();
    expect(codeOf(sent)).toBe('INSTANCE_START_FAILED');
  });

  it('answers calls that wait for a function that is removed, and lets those inside finish', async () => {
    router.tell('functionChanged', describeFunction([{}]));
    const handle = fakeHandle();
    router.tell('instanceReady', handle);
    const inside = send();
    const waiting = send();
    await settleMessages();
    router.tell('functionRemoved', 'f');
    await settleMessages();
    expect(codeOf(waiting)).toBe('FUNCTION_NOT_FOUND');
    answer(handle);
    expect(codeOf(inside)).toBe('succeeded');
  });

  it('goes on to another instance when a channel takes no more', async () => {
    router.tell('functionChanged', describeFunction([{}]));
    const broken = fakeHandle({ instanceId: 'broken', takes: () => false });
    const good = fakeHandle({ instanceId: 'good' });
    router.tell('instanceReady', good);
    router.tell('instanceReady', broken);
    const sent = send();
    await settleMessages();
    expect(good.calls).toEqual([sent.call]);
    expect(broken.retired).toHaveLength(1);
  });

  it('settles a call once even when its answer comes after its timeout', async () => {
    const handle = fakeHandle();
    router.tell('functionChanged', describeFunction([{ timeoutMs: 10 }]));
    router.tell('instanceReady', handle);
    const sent = send();
    await clock.advance(20);
    answer(handle);
    sent.call.failed(serializeError(new Error('late')), 1);
    sent.call.lost({ instanceId: handle.instanceId, reason: 'crashed' });
    await settleMessages();
    expect(sent.outcomes).toHaveLength(1);
    expect(ledger.latest(10)).toHaveLength(1);
  });

  it('waits at drain for the calls inside, refuses new ones, and ends those that outlast its patience', async () => {
    const handle = fakeHandle({ concurrency: 2 });
    router.tell('functionChanged', describeFunction([{ concurrency: 2 }]));
    router.tell('instanceReady', handle);
    const quick = send();
    const slow = send();
    await settleMessages();
    let drained = false;
    const draining = router.ask('drain', { timeoutMs: 1_000 }).then(() => {
      drained = true;
    });
    await settleMessages();
    const refused = send();
    answer(handle);
    await settleMessages();
    expect([codeOf(quick), codeOf(refused), drained]).toEqual(['succeeded', 'SHUTTING_DOWN', false]);
    await clock.advance(1_000);
    await draining;
    expect(codeOf(slow)).toBe('SHUTTING_DOWN');
  });

  it('reports the average of calls in the system since the last look, and the arrivals', async () => {
    const handle = fakeHandle();
    router.tell('functionChanged', describeFunction([{}]));
    router.tell('instanceReady', handle);
    await router.ask('observe', { leaders: new Set() });
    await clock.advance(1_000);
    send();
    await clock.advance(500);
    send();
    await clock.advance(500);
    const [observation] = await router.ask('observe', { leaders: new Set() });
    expect(observation).toMatchObject({ arrivals: 2, inSystem: 2, ready: 1 });
    expect(observation?.averageInSystem).toBeCloseTo((0 * 1_000 + 1 * 500 + 2 * 500) / 2_000);
  });

  it('tells of a call that leads to others at once, though it does not wait, but only after a pause', async () => {
    const handle = fakeHandle({ concurrency: 10 });
    router.tell('functionChanged', describeFunction([{ concurrency: 10 }]));
    router.tell('instanceReady', handle);
    await router.ask('observe', { leaders: new Set(['f']) });
    const told = demands.length;
    await clock.advance(1_000);
    send();
    send();
    await clock.advance(500);
    send();
    await settleMessages();
    expect(demands.length - told).toBe(1);
    // An instance that comes or goes is no call.
    await clock.advance(900);
    router.tell('instanceReady', fakeHandle({ instanceId: 'second' }));
    router.tell('instanceGone', { instanceId: 'second', loss: { instanceId: 'second', reason: 'requested' } });
    await clock.advance(200);
    send();
    await settleMessages();
    expect(demands.length - told).toBe(2);
    await router.ask('observe', { leaders: new Set() });
    await clock.advance(5_000);
    send();
    await settleMessages();
    expect(demands.length - told).toBe(2);
  });

  it('observes the functions that it is asked for, and says when the first call came', async () => {
    router.tell('functionChanged', describeFunction([{}]));
    router.tell('functionChanged', { ...describeFunction([{}]), name: 'g', versions: [] });
    await clock.advance(700);
    send();
    await clock.advance(100);
    send();
    await settleMessages();
    const query = { leaders: new Set<string>() };
    expect(await router.ask('observe', { ...query, only: new Set(['g', 'unknown']) })).toEqual([]);
    const seen = await router.ask('observe', { ...query, only: new Set(['f']) });
    expect(seen).toMatchObject([{ name: 'f', arrivals: 2, firstArrivalMs: 700 }]);
    expect(await router.ask('observe', query)).toMatchObject([{ arrivals: 0, firstArrivalMs: undefined }]);
    // Two calls wait.
    expect(await router.ask('observe', { ...query, only: new Set(), andActive: true })).toHaveLength(1);
    router.tell('functionRemoved', 'f');
    expect(await router.ask('observe', { ...query, only: new Set(), andActive: true })).toEqual([]);
  });

  it('splits calls between the versions of a weighted alias', async () => {
    router.tell(
      'functionChanged',
      describeFunction(
        [{ concurrency: 1_000 }, { concurrency: 1_000 }],
        [
          { version: 1, weight: 9 },
          { version: 2, weight: 1 },
        ],
      ),
    );
    const old = fakeHandle({ instanceId: 'old', functionVersion: 1, concurrency: 1_000 });
    const next = fakeHandle({ instanceId: 'next', functionVersion: 2, concurrency: 1_000 });
    router.tell('instanceReady', old);
    router.tell('instanceReady', next);
    for (let call = 0; call < 1_000; call++) send();
    await settleMessages();
    expect(old.calls.length + next.calls.length).toBe(1_000);
    expect(next.calls.length).toBeGreaterThan(60);
    expect(next.calls.length).toBeLessThan(150);
  });
});
