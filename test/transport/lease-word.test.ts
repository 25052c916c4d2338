import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLeaseWord, LeaseWord } from '../../src/transport/lease-word.ts';

describe('lease word', () => {
  it('lends a slot for one call at a time, from when its tenant has left', () => {
    const word = new LeaseWord(createLeaseWord());
    expect([word.isNone, word.begin(), word.lease(), word.lease(), word.begin()]).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
    expect(word.end()).toBe(false);
    expect([word.begin(), word.begin(), word.handBack(), word.end(), word.handBack(), word.begin()]).toEqual([
      true,
      false,
      false,
      false,
      true,
      false,
    ]);
  });

  it('is taken back at once while no call is inside, and else by the end of the call', () => {
    const word = new LeaseWord(createLeaseWord());
    expect(word.revoke(false)).toBe('none');
    word.lease();
    expect([word.revoke(true), word.revoke(false), word.revoke(false), word.end(), word.isNone]).toEqual([
      'later',
      'later',
      'later',
      true,
      true,
    ]);
    word.lease();
    word.end();
    expect([word.revoke(true), word.begin()]).toEqual(['freed', false]);
  });

  it('is freed by exactly one party each time it was leased, whatever they do in whatever order', () => {
    const deed = fc.constantFrom('begin', 'end', 'handBack', 'surrender', 'revoke', 'revokeIdle', 'lease');
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 60 }), (deeds) => {
        // Two views of one word, as two threads have them.
        const shared = createLeaseWord();
        const views = [new LeaseWord(shared), new LeaseWord(shared)];
        let leased = 0;
        let freed = 0;
        for (const [index, each] of deeds.entries()) {
          const word = views[index % 2] ?? new LeaseWord(shared);
          if (each === 'lease') leased += Number(word.lease());
          else if (each === 'begin') word.begin();
          else if (each === 'revoke' || each === 'revokeIdle')
            freed += Number(word.revoke(each === 'revokeIdle') === 'freed');
          else freed += Number(word[each]());
          expect(leased - freed).toBe(word.isNone ? 0 : 1);
        }
      }),
    );
  });
});
