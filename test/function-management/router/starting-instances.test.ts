import { beforeEach, describe, expect, it } from 'vitest';
import { type FunctionConfig, resolveFunctionConfig } from '../../../src/config.ts';
import { TroupeError } from '../../../src/errors.ts';
import type { InstanceLoss } from '../../../src/function-management/instance/protocol.ts';
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

const CANCEL_GRACE_MS = 100;
const RESULT = new Uint8Array([7]);

let clock: VirtualClock;
let router: ActorRef<RouterMessages<Call>>;
let host: CallHost;

beforeEach(() => {
  clock = new VirtualClock();
  router = new ActorSystem({ clock }).spawn(
    routerActor({
      random: seededRandom(1),
      maxCallDepth: 3,
      cancelGraceMs: CANCEL_GRACE_MS,
      demandArrived: () => undefined,
    }),
  );
  const lost: CallHost['lost'] = (call, loss) => void router.tell('callLost', { call, loss });
  host = { clock, ledger: new Ledger(100), hold: new ProcessHold(), lost };
});

function deployed(configs: readonly FunctionConfig[]): void {
  const description: FunctionDescription = {
    name: 'f',
    versions: configs.map((config, index) => ({
      name: 'f',
      version: index + 1,
      artifact: { hash: `${index}`, directory: '/', format: 'script', entry: '/f.cjs', bytes: 1 },
      shape: 'value',
      config: resolveFunctionConfig(config),
      createdAtMs: 0,
    })),
    aliases: [{ name: 'f', alias: CURRENT_ALIAS, targets: [{ version: configs.length, weight: 1 }] }],
  };
  router.tell('functionChanged', description);
}

function send(request: Partial<CallRequest> = {}) {
  const outcomes: CallOutcome[] = [];
  const settled = (outcome: CallOutcome) => void outcomes.push(outcome);
  const call = new Call({ functionName: 'f', payload: EMPTY, mode: 'value', depth: 0, settled, ...request }, host);
  router.tell('invoke', call);
  return { call, outcomes };
}

type Sent = ReturnType<typeof send>;
const codeOf = ({ outcomes: [outcome] }: Sent) => (outcome?.kind === 'failed' ? outcome.error.code : outcome?.kind);
const settleMessages = () => clock.advance(0);

/** An instance that loads its function; the calls that were waiting have been sent to it. */
async function starting(facts: Parameters<typeof fakeHandle>[0] = {}): Promise<FakeHandle> {
  // By then the calls that came before it have been routed.
  await settleMessages();
  const handle = fakeHandle(facts);
  router.tell('instanceStarting', handle);
  await settleMessages();
  return handle;
}

function answer(handle: FakeHandle, call = handle.calls.shift()): void {
  if (!call) throw new Error('no call inside');
  router.tell('callLeft', { instanceId: handle.instanceId, call });
  call.succeeded(RESULT, 1);
}

/** What an instance does that ends. */
async function end(handle: FakeHandle, facts: Omit<InstanceLoss, 'instanceId'>): Promise<void> {
  const loss = { instanceId: handle.instanceId, ...facts };
  router.tell('instanceGone', { instanceId: handle.instanceId, loss });
  for (const call of handle.calls.splice(0)) call.lost(loss);
  await settleMessages();
}

const waiting = async () => (await snapshot())?.queued;
async function snapshot() {
  const asked = router.ask('snapshot', undefined);
  await settleMessages();
  return (await asked).functions[0];
}

describe('calls that ride along with a start', () => {
  it('are sent when it begins, as many as the instance takes, and count as waiting until it is ready', async () => {
    deployed([{ concurrency: 2 }]);
    const sent = [send(), send(), send()];
    const handle = await starting({ concurrency: 2 });
    expect(handle.calls).toEqual([sent[0]?.call, sent[1]?.call]);
    expect(await waiting()).toBe(3);
    router.tell('instanceReady', handle);
    expect(await snapshot()).toMatchObject({ queued: 1, inFlight: 2 });
    answer(handle);
    await settleMessages();
    expect(handle.calls).toEqual([sent[1]?.call, sent[2]?.call]);
    answer(handle);
    answer(handle);
    await settleMessages();
    expect(sent.map(codeOf)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(await snapshot()).toMatchObject({ queued: 0, inFlight: 0 });
  });

  it('may be answered before the router has heard that the instance is ready', async () => {
    deployed([{}]);
    const sent = send();
    const handle = await starting();
    answer(handle);
    router.tell('instanceReady', handle);
    const next = send();
    await settleMessages();
    expect([codeOf(sent), handle.calls]).toEqual(['succeeded', [next.call]]);
  });

  it('have phases that add up, with the start that the instance reports', async () => {
    deployed([{}]);
    const origin = { reason: 'first', claimedAtMs: 2, placedAtMs: 3, startedAtMs: 5, specialisedAtMs: 9 } as const;
    const sent = send();
    await starting({ origin }).then(async (handle) => {
      await clock.advance(12);
      answer(handle);
    });
    const record = sent.outcomes[0]?.row.toRecord();
    expect(record).toMatchObject({ coldStart: 'first', totalUs: 12_000 });
    expect(record?.phasesUs).toEqual({
      route: 0,
      queue: 2_000,
      place: 1_000,
      start: 2_000,
      specialise: 4_000,
      deliver: 2_000,
      run: 1_000,
      reply: 0,
    });
  });

  it('are none where instances are ready: those may be free sooner', async () => {
    deployed([{}]);
    router.tell('instanceReady', fakeHandle({ instanceId: 'busy' }));
    send();
    send();
    expect((await starting()).calls).toEqual([]);
    expect(await waiting()).toBe(1);
  });

  it('stay in the queue when the channel does not take them', async () => {
    deployed([{}]);
    const sent = send();
    const handle = await starting({ takes: () => false });
    router.tell('instanceReady', fakeHandle({ instanceId: 'other' }));
    await settleMessages();
    expect([handle.calls, sent.call.instance?.instanceId]).toEqual([[], 'other']);
  });

  it('still take up the room of the queue', async () => {
    deployed([{ maxQueued: 2 }]);
    const first = send();
    await starting();
    expect([first, send(), send()].map(codeOf)).toEqual([undefined, undefined, undefined]);
    const refused = send();
    await settleMessages();
    expect(codeOf(refused)).toBe('OVERLOADED');
  });

  it('are told why when the version does not start', async () => {
    deployed([{ concurrency: 2 }]);
    const sent = [send(), send(), send()];
    const handle = await starting({ concurrency: 2 });
    await end(handle, { reason: 'start-failed', hasNotBegun: true });
    expect(await waiting()).toBe(3);
    const error = new TroupeError('INSTANCE_START_FAILED', 'It does not start.');
    router.tell('startFailed', { name: 'f', version: 1, error });
    await settleMessages();
    expect(sent.map(({ outcomes: [outcome] }) => outcome?.kind === 'failed' && outcome.error)).toEqual(
      Array(3).fill(error),
    );
  });

  it.each([true, false])(
    'wait for the replacement of a worker that was lost: no attempt (idempotent: %s)',
    async (idempotent) => {
      deployed([{ idempotent }]);
      const sent = [send(), send()];
      await end(await starting(), { reason: 'requested', hasNotBegun: true });
      const replacement = await starting({ instanceId: 'f-1-2' });
      expect(replacement.calls).toEqual([sent[0]?.call]);
      router.tell('instanceReady', replacement);
      answer(replacement);
      await settleMessages();
      answer(replacement);
      expect(sent.map(({ outcomes: [outcome] }) => outcome?.row.attempt)).toEqual([1, 1]);
      expect(sent.map(codeOf)).toEqual(['succeeded', 'succeeded']);
    },
  );

  it('are calls like others once they may have begun: run again only if they are idempotent', async () => {
    deployed([{ idempotent: false }, { idempotent: true }]);
    const [once, often] = [send({ version: 1 }), send({ version: 2 })];
    await end(await starting({ instanceId: 'one' }), { reason: 'crashed' });
    await end(await starting({ instanceId: 'two', functionVersion: 2 }), { reason: 'crashed' });
    expect([codeOf(once), codeOf(often)]).toEqual(['INSTANCE_CRASHED', undefined]);
    const next = await starting({ instanceId: 'three', functionVersion: 2 });
    expect(next.calls).toMatchObject([{ attempt: 2 }]);
  });

  it('can be cancelled: the instance is told, and the slot is free when it has answered', async () => {
    deployed([{}]);
    const [given, next] = [send(), send()];
    const handle = await starting();
    router.tell('cancel', given.call);
    await settleMessages();
    expect([codeOf(given), handle.cancelled]).toEqual(['CANCELLED', [{ call: given.call, reason: 'cancelled' }]]);
    await clock.advance(CANCEL_GRACE_MS);
    expect(handle.retired).toEqual([]);
    router.tell('callLeft', { instanceId: handle.instanceId, call: given.call });
    router.tell('instanceReady', handle);
    await settleMessages();
    expect(handle.calls.at(-1)).toBe(next.call);
  });

  it('end at their deadline, and an instance that then runs one without end is given up', async () => {
    deployed([{ timeoutMs: 50 }]);
    const sent = send();
    const handle = await starting();
    await clock.advance(60);
    expect([codeOf(sent), handle.cancelled]).toMatchObject(['TIMEOUT', [{ reason: 'timeout' }]]);
    router.tell('instanceReady', handle);
    await clock.advance(CANCEL_GRACE_MS);
    expect(handle.retired).toEqual([{ graceMs: 0, reason: 'replaced' }]);
  });

  it('stay with their version when its alias moves, and follow the alias when its start comes to nothing', async () => {
    deployed([{}]);
    const [staying, moving] = [send(), send()];
    const [one, two] = [await starting({ instanceId: 'one' }), await starting({ instanceId: 'two' })];
    deployed([{}, {}]);
    await settleMessages();
    answer(one);
    expect([codeOf(staying), staying.call.functionVersion]).toEqual(['succeeded', 1]);
    await end(two, { reason: 'requested', hasNotBegun: true });
    expect(moving.call.functionVersion).toBe(2);
    expect((await starting({ instanceId: 'three', functionVersion: 2 })).calls).toEqual([moving.call]);
  });

  it('fail with their function when it is removed', async () => {
    deployed([{}]);
    const sent = send();
    const handle = await starting();
    router.tell('functionRemoved', 'f');
    await settleMessages();
    expect([codeOf(sent), handle.cancelled]).toMatchObject(['FUNCTION_NOT_FOUND', [{ call: sent.call }]]);
    await end(handle, { reason: 'requested' });
    expect(sent.outcomes).toHaveLength(1);
  });
});
