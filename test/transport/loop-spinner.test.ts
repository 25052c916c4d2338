import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LoopSpinner } from '../../src/transport/loop-spinner.ts';
import { SpinPolicy } from '../../src/transport/spin-policy.ts';

/** Time moves by so much at each look. */
function spinner(stepMs: number) {
  const told = { won: 0, lost: 0, looks: 0 };
  const policy = new SpinPolicy();
  const won = policy.won.bind(policy);
  const lost = policy.lost.bind(policy);
  policy.won = (waitedMs) => {
    told.won++;
    won(waitedMs);
  };
  policy.lost = () => {
    told.lost++;
    lost();
  };
  let nowMs = 1;
  let isOpen = true;
  const looped = new LoopSpinner({
    policy,
    nowMs: () => {
      told.looks++;
      nowMs += stepMs;
      return nowMs;
    },
    isOpen: () => isOpen,
  });
  return { looped, told, close: () => (isOpen = false) };
}

const turns = async (count: number) => {
  for (let index = 0; index < count; index++) await turn();
};

describe('loop spinner', () => {
  it('keeps the loop turning until what was waited for comes, and counts the wait as won', async () => {
    const { looped, told } = spinner(0.001);
    looped.begin();
    await turns(5);
    looped.end();
    expect(told).toMatchObject({ won: 1, lost: 0 });
    const { looks } = told;
    expect(looks).toBeGreaterThan(4);
    await turns(5);
    expect(told.looks).toBe(looks);
  });

  it('gives up when its budget is spent, and rests', async () => {
    const { looped, told } = spinner(0.05);
    looped.begin();
    await turns(10);
    expect(told).toMatchObject({ won: 0, lost: 1 });
    const { looks } = told;
    await turns(5);
    expect(told.looks).toBe(looks);
    looped.end();
    expect(told.won).toBe(0);
  });

  it('waits on from where it is when another wait begins meanwhile', async () => {
    const { looped, told } = spinner(0.001);
    looped.begin();
    looped.begin();
    looped.end();
    expect(told.won).toBe(1);
    looped.begin();
    await turns(2);
    looped.end();
    expect(told.won).toBe(2);
  });

  it('stops, and blames nobody, when the channel has closed', async () => {
    const { looped, told, close } = spinner(0.001);
    looped.begin();
    close();
    await turns(10);
    expect(told).toMatchObject({ won: 0, lost: 0 });
    expect(told.looks).toBeLessThan(4);
  });

  it('does not spin while spinning has not paid', async () => {
    const { looped, told } = spinner(1);
    for (let wait = 0; wait < 4; wait++) {
      looped.begin();
      await turns(2);
    }
    const { looks } = told;
    looped.begin();
    await turns(2);
    expect(told.looks).toBe(looks);
  });
});
