import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { FRAME_KINDS } from '../../src/transport/protocol.ts';
import { createRing } from '../../src/transport/ring-buffer.ts';
import { RingChannel } from '../../src/transport/ring-channel.ts';
import { SpinPolicy } from '../../src/transport/spin-policy.ts';
import { Spinner } from '../../src/transport/spinner.ts';
import { frame } from '../conformance/channel.ts';

it('A caller stops spinning while its callee waits for others, without losing what it has earned, and still hears of the answer', async () => {
  const { port1, port2 } = new MessageChannel();
  const [there, back] = [createRing(), createRing()];
  let budgets = 0;
  let losses = 0;
  class CountingPolicy extends SpinPolicy {
    override budgetMs(): number {
      budgets++;
      return super.budgetMs();
    }
    override lost(): void {
      losses++;
      super.lost();
    }
  }
  const near = new RingChannel({
    port: port1,
    outgoing: there,
    incoming: back,
    spinsFor: 'answers',
    policy: new CountingPolicy(),
    spinner: new Spinner(),
  });
  const far = new RingChannel({ port: port2, outgoing: back, incoming: there });
  near.ref();
  const answered = new Promise<number>((resolve) => near.onFrame(({ call }) => resolve(call)));
  far.onFrame(({ call }) => {
    // Its own wait takes a few turns of the loop.
    setImmediate(() => setImmediate(() => far.send(frame(call, { kind: FRAME_KINDS.result }))));
  });
  far.setAway(true);
  near.send(frame(1, { kind: FRAME_KINDS.invoke }));
  expect(await answered).toBe(1);
  expect([budgets, losses]).toEqual([0, 0]);
  far.setAway(false);
  near.send(frame(2, { kind: FRAME_KINDS.invoke }));
  await new Promise((resolve) => setImmediate(resolve));
  expect(budgets).toBeGreaterThan(0);
  near.close();
});
