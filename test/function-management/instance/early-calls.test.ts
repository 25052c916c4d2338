import { describe, expect, it, onTestFinished } from 'vitest';
import { serializeError, TroupeError } from '../../../src/errors.ts';
import { instanceActor } from '../../../src/function-management/instance/instance.ts';
import type { InstanceCall, InstanceHandle, InstanceLoss } from '../../../src/function-management/instance/protocol.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { SpecialiseOutcome } from '../../../src/transport/instance-control.ts';
import { createLocalChannelPair } from '../../../src/transport/local-channel.ts';
import { EMPTY, FRAME_KINDS, type Frame } from '../../../src/transport/protocol.ts';

/** An instance that loads, with one call inside; the test plays its worker. */
async function loadingWithACall() {
  const clock = new VirtualClock();
  const system = new ActorSystem({ clock });
  onTestFinished(() => system.shutdown(0));
  const [near, far] = createLocalChannelPair();
  const notices: string[] = [];
  const losses: InstanceLoss[] = [];
  let handle: InstanceHandle | undefined;
  let tellOutcome: (outcome: SpecialiseOutcome) => void = () => {};
  const instance = system.spawn(
    instanceActor({
      worker: {
        claimId: 'f@1#1',
        workerId: 'f-1-1',
        agentId: 'a1',
        channel: near,
        control: { specialise: () => new Promise((resolve) => (tellOutcome = resolve)), takesEarlyCalls: true },
        claimedAtMs: 0,
        placedAtMs: 0,
        startedAtMs: 0,
      },
      image: {
        functionName: 'f',
        functionVersion: 1,
        format: 'script',
        entry: '/f.cjs',
        env: {},
        memoryMb: 64,
        payloadLimitBytes: 1_024,
      },
      concurrency: 1,
      startedBecause: 'first',
      startTimeoutMs: 30_000,
      observer: {
        starting: (offered) => {
          handle = offered;
        },
        ready: () => notices.push('ready'),
        gone: () => notices.push('gone'),
        callLeft: () => notices.push('left'),
        log: () => {},
        nestedCall: () => ({ cancel: () => {} }),
      },
      listener: {
        ready: () => {},
        failed: () => notices.push('failed'),
        ended: ({ reason }) => notices.push(`ended: ${reason}`),
      },
      mapError: (error) => error,
    }),
  );
  await clock.advance(0);
  const call: InstanceCall = {
    id: 'inv-1',
    payload: EMPTY,
    mode: 'value',
    depth: 0,
    attempt: 1,
    idempotencyKey: undefined,
    remainingMs: () => 1_000,
    succeeded: () => notices.push('succeeded'),
    failed: () => notices.push('call failed'),
    lost: (loss) => losses.push(loss),
    chunk: () => {},
    alive: () => undefined,
  };
  handle?.dispatch(call);
  far.onFrame(() => {});
  const says = (kind: Frame['kind'], argument = 0) =>
    far.send({ kind, port: 0, call: kind === FRAME_KINDS.ready ? 0 : 1, argument, meta: EMPTY, payload: EMPTY });
  const settle = () => clock.advance(0);
  const lose = (reason: 'crashed' | 'exited') =>
    instance.tell('workerLost', { claimId: 'f@1#1', workerId: 'f-1-1', reason });
  const outcome = (told: SpecialiseOutcome) => tellOutcome(told);
  return { clock, instance, handle, far, notices, losses, says, settle, lose, outcome };
}

const READY: SpecialiseOutcome = { kind: 'ready', manifest: { shape: 'value', config: {} }, tookMs: 3 };
const failed = (isLost: boolean): SpecialiseOutcome => ({
  kind: 'failed',
  error: serializeError(new TroupeError('INSTANCE_CRASHED', 'It went away.')),
  ...(isLost ? { isLost } : {}),
});

describe('an instance that is sent calls while it loads', () => {
  it.each(['first', 'last'])(
    'is ready once, and its call answered once, where the outcome of loading comes %s',
    async (when) => {
      const { clock, handle, notices, says, settle, outcome } = await loadingWithACall();
      await clock.advance(10);
      if (when === 'first') outcome(READY);
      await settle();
      says(FRAME_KINDS.ready, 4);
      says(FRAME_KINDS.result, 1);
      await settle();
      if (when === 'last') outcome(READY);
      await settle();
      expect(notices.sort()).toEqual(['left', 'ready', 'succeeded']);
      expect(handle?.origin.specialisedAtMs).toBe(when === 'first' ? 3 : 4);
    },
  );

  it('has begun nothing when it could not load', async () => {
    const { notices, losses, settle, outcome } = await loadingWithACall();
    outcome(failed(false));
    await settle();
    expect(losses).toMatchObject([{ reason: 'start-failed', hasNotBegun: true }]);
    expect(notices).toEqual(['gone', 'failed']);
  });

  it('has begun nothing when its channel ended without a word that it is ready', async () => {
    const { far, notices, losses, settle, lose, outcome } = await loadingWithACall();
    outcome(failed(true));
    lose('exited');
    await settle();
    expect(notices).toEqual([]);
    far.close();
    await settle();
    expect(losses).toMatchObject([{ hasNotBegun: true }]);
    expect(notices).toEqual(['gone', 'failed']);
  });

  it('may have begun when it said so last, though its loss was heard of before', async () => {
    const { far, notices, losses, says, settle, lose, outcome } = await loadingWithACall();
    outcome(failed(true));
    lose('exited');
    await settle();
    says(FRAME_KINDS.ready);
    far.close();
    await settle();
    expect(losses).toEqual([{ instanceId: 'f-1-1', reason: 'exited' }]);
    expect(notices).toEqual(['gone', 'ended: exited']);
  });

  it('may have begun when nothing was heard of its channel for long, or it loads for too long', async () => {
    const silent = await loadingWithACall();
    silent.lose('crashed');
    await silent.clock.advance(2_000);
    expect(silent.losses.map(({ hasNotBegun }) => hasNotBegun)).toEqual([undefined]);
    const slow = await loadingWithACall();
    await slow.clock.advance(30_000);
    expect(slow.losses.map(({ reason, hasNotBegun }) => [reason, hasNotBegun])).toEqual([['start-failed', undefined]]);
  });

  it('finishes its call when it is retired meanwhile, and takes no other', async () => {
    const { instance, notices, says, settle } = await loadingWithACall();
    instance.tell('retire', { graceMs: 10_000, reason: 'requested' });
    await settle();
    expect(notices).toEqual([]);
    says(FRAME_KINDS.ready);
    says(FRAME_KINDS.result);
    await settle();
    expect(notices).toEqual(['succeeded', 'left', 'gone', 'ended: requested']);
  });
});
