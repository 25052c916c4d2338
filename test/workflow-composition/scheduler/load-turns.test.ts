import { describe, expect, it } from 'vitest';
import { LoadTurns } from '../../../src/workflow-composition/scheduler/load-turns.ts';

describe('the turns in which instances load', () => {
  it('are as many at a time as there are processors', () => {
    const turns = new LoadTurns(2);
    turns.take('a', 1, 0);
    expect(turns.isFree('b', 0)).toBe(true);
    turns.take('b', 1, 0);
    expect(turns.isFree('c', 0)).toBe(false);
    expect(turns.started('a')).toBe(true);
    expect(turns.isFree('c', 0)).toBe(true);
  });

  it('end after a moment, since who takes longer waits for something else than a processor', () => {
    const turns = new LoadTurns(1);
    turns.take('a', 5, 10);
    expect(turns.nextMs).toBe(110);
    expect(turns.isFree('b', 109)).toBe(false);
    expect(turns.isFree('b', 110)).toBe(true);
    expect(turns.nextMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('are not needed by a function of which nothing was started the last time, until something is', () => {
    const turns = new LoadTurns(1);
    turns.take('warm', 1, 0);
    expect(turns.isFree('warm', 100)).toBe(true);
    turns.take('cold', 1, 100);
    expect([turns.isFree('warm', 110), turns.isFree('cold', 110), turns.isFree('other', 110)]).toEqual([
      true,
      false,
      false,
    ]);
    turns.take('warm', 1, 110);
    expect(turns.started('warm')).toBe(false);
    expect(turns.isFree('warm', 120)).toBe(false);
  });
});
