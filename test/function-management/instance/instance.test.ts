import { describe, expect, it, onTestFinished } from 'vitest';
import { serializeError, TroupeError } from '../../../src/errors.ts';
import { instanceActor } from '../../../src/function-management/instance/instance.ts';
import type { InstanceLoss } from '../../../src/function-management/instance/protocol.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { SpecialiseOutcome } from '../../../src/transport/instance-control.ts';
import { createLocalChannelPair } from '../../../src/transport/local-channel.ts';

/** An instance whose worker loads when the test says what came of it. */
async function loadingInstance() {
  const clock = new VirtualClock();
  const system = new ActorSystem({ clock });
  onTestFinished(() => system.shutdown(0));
  const notices: ({ readonly failed: string | undefined } | { readonly ended: InstanceLoss['reason'] })[] = [];
  let answer: (outcome: SpecialiseOutcome) => void = () => {};
  const instance = system.spawn(
    instanceActor({
      worker: {
        claimId: 'f@1#1',
        workerId: 'f-1-1',
        agentId: 'a1',
        channel: createLocalChannelPair()[0],
        control: { specialise: () => new Promise((resolve) => (answer = resolve)) },
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
        starting: () => undefined,
        ready: () => {},
        gone: () => {},
        callLeft: () => {},
        log: () => {},
        nestedCall: () => ({ cancel: () => {} }),
      },
      listener: {
        ready: () => {},
        failed: (_, { code }) => notices.push({ failed: code }),
        ended: ({ reason }) => notices.push({ ended: reason }),
      },
      mapError: (error) => error,
    }),
  );
  await clock.advance(0);
  return { clock, instance, notices, loaded: (outcome: SpecialiseOutcome) => answer(outcome) };
}

const failure = (code: 'AGENT_LOST' | 'INSTANCE_CRASHED') => serializeError(new TroupeError(code, 'It went away.'));

describe('instance', () => {
  it('ends, and does not fail, when its agent is lost while it loads: the function did nothing wrong', async () => {
    const { clock, instance, notices, loaded } = await loadingInstance();
    loaded({ kind: 'failed', error: failure('AGENT_LOST') });
    await clock.advance(0);
    expect(notices).toEqual([]);
    instance.tell('workerLost', {
      claimId: 'f@1#1',
      workerId: 'f-1-1',
      reason: 'agent-lost',
      error: failure('AGENT_LOST'),
    });
    await clock.advance(0);
    expect(notices).toEqual([{ ended: 'agent-lost' }]);
  });

  it('fails when its worker crashes while it loads, or when it says for too long that its agent is lost', async () => {
    const crashed = await loadingInstance();
    const error = failure('INSTANCE_CRASHED');
    crashed.instance.tell('workerLost', { claimId: 'f@1#1', workerId: 'f-1-1', reason: 'crashed', error });
    await crashed.clock.advance(0);
    expect(crashed.notices).toEqual([{ failed: 'INSTANCE_CRASHED' }]);
    const liar = await loadingInstance();
    liar.loaded({ kind: 'failed', error: failure('AGENT_LOST') });
    await liar.clock.advance(30_000);
    expect(liar.notices).toEqual([{ failed: 'INSTANCE_START_FAILED' }]);
  });
});
