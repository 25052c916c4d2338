import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Followers } from '../../../src/function-management/autoscaler/followers.ts';

const WINDOW_MS = 1_000;
const LATER_MS = 10_000_000;

/** `b` follows `a` so many times out of ten, after 200 ms. */
function taught(times: number, rounds = 100): Followers {
  const followers = new Followers(WINDOW_MS);
  for (let round = 0; round < rounds; round++) {
    followers.called('a', round * 10_000);
    if (round % 10 < times) followers.called('b', round * 10_000 + 200);
  }
  followers.closeTrials(LATER_MS);
  return followers;
}

describe('calls that lead to calls', () => {
  it('knows that B follows A in nine of ten cases, and within what time', () => {
    const followers = taught(9);
    const [b, ...others] = followers.of('a');
    expect(b?.name).toBe('b');
    expect(b?.chance).toBeGreaterThan(0.75);
    expect(b?.withinMs).toBeGreaterThanOrEqual(200);
    expect(b?.withinMs).toBeLessThan(400);
    expect(others).toEqual([]);
    expect(followers.of('b')).toEqual([]);
    expect([...followers.leaders]).toEqual(['a']);
  });

  it('says nothing of what came later than its window, nor after two times only', () => {
    const followers = new Followers(WINDOW_MS);
    for (let round = 0; round < 20; round++) {
      followers.called('a', round * 10_000);
      followers.called('late', round * 10_000 + WINDOW_MS + 1);
      if (round < 2) followers.called('twice', round * 10_000 + 5);
      if (round === 1) expect(followers.of('a')).toEqual([]);
    }
    followers.closeTrials(LATER_MS);
    expect(followers.of('a').map(({ name }) => name)).not.toContain('late');
    expect(followers.of('a').map(({ name }) => name)).not.toContain('twice');
  });

  it('unlearns what has ceased, and says that nothing of it is to be kept', () => {
    const followers = taught(10);
    expect(followers.takeChanges()).toHaveLength(1);
    for (let round = 0; round < 60; round++) followers.called('a', LATER_MS + round * 10_000);
    followers.closeTrials(2 * LATER_MS);
    expect(followers.of('a')).toEqual([]);
    expect(followers.leaders.size).toBe(0);
    expect(followers.takeChanges()).toEqual([{ name: '>a', state: new Uint8Array() }]);
  });

  it('gives what it has learned to its successor, and each change once', () => {
    const before = taught(9);
    const after = new Followers(WINDOW_MS);
    const changes = before.takeChanges();
    expect(changes).toHaveLength(1);
    expect(before.takeChanges()).toEqual([]);
    for (const change of changes) after.restore(change);
    expect(after.of('a')).toEqual(before.of('a'));
    expect([...after.leaders]).toEqual(['a']);
  });

  it('takes what it cannot read for nothing', () => {
    const followers = new Followers(WINDOW_MS);
    for (const text of ['', '{', '7', '[]', '[8]', '[8,[["b",2,1]]]', '[8,[["b",0.5]]]', '["x",[["b",0.5,1]]]']) {
      followers.restore({ name: '>a', state: Buffer.from(text) });
    }
    followers.restore({ name: 'a', state: Buffer.from('[8,[["b",0.5,1]]]') });
    expect(followers.leaders.size).toBe(0);
  });

  it('forgets a leader, also for its successor', () => {
    const followers = taught(9);
    followers.takeChanges();
    followers.forget('a');
    expect(followers.of('a')).toEqual([]);
    expect(followers.leaders.size).toBe(0);
    expect(followers.takeChanges()).toEqual([{ name: '>a', state: new Uint8Array() }]);
  });

  it('says chances, few of them, within the window, whatever comes', () => {
    const call = fc.record({
      name: fc.integer({ min: 0, max: 80 }).map(String),
      afterMs: fc.integer({ min: -100, max: 300 }),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 300 }), (calls) => {
        const followers = new Followers(WINDOW_MS);
        let nowMs = 0;
        for (const { name, afterMs } of calls) {
          nowMs += afterMs;
          followers.called(name, nowMs);
          const found = followers.of(name);
          expect(followers.leaders.has(name)).toBe(found.length > 0);
          expect(found.length).toBeLessThanOrEqual(8);
          for (const follower of found) {
            expect(follower.name).not.toBe(name);
            expect(follower.chance).toBeGreaterThan(0);
            expect(follower.chance).toBeLessThanOrEqual(1);
            expect(follower.withinMs).toBeLessThanOrEqual(WINDOW_MS);
          }
        }
      }),
    );
  });
});
