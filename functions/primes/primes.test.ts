import type { Context } from 'troupe';
import { describe, expect, it } from 'vitest';
import primes, { type PrimesChunk, type PrimesEvent } from './index.ts';

async function all(event: PrimesEvent): Promise<PrimesChunk[]> {
  const chunks: PrimesChunk[] = [];
  for await (const chunk of primes(event)) chunks.push(chunk);
  return chunks;
}

const flat = (chunks: readonly PrimesChunk[]) => chunks.flatMap((chunk) => chunk.primes);

describe('primes', () => {
  it('finds as many primes as there are', async () => {
    // https://oeis.org/A006880: primes below 10^n.
    for (const [to, count] of [
      [10, 4],
      [100, 25],
      [1_000, 168],
      [10_000, 1_229],
      [1_000_000, 78_498],
      [10_000_000, 664_579],
    ] as const)
      expect(flat(await all({ to })).length).toBe(count);
  });

  it('finds the same primes in segments of any size, from any start', async () => {
    const reference = flat(await all({ to: 20_000 }));
    for (const segment of [16, 17, 1_000, 4_194_304])
      expect(flat(await all({ to: 20_000, segment }))).toEqual(reference);
    expect(flat(await all({ from: 10_007, to: 20_000 }))).toEqual(reference.filter((prime) => prime >= 10_007));
    expect(flat(await all({ from: 0, to: 1 }))).toEqual([]);
    expect(flat(await all({ from: 24, to: 28 }))).toEqual([]);
  });

  it('is right at the far end', async () => {
    const [chunk] = await all({ from: 999_999_999_900, to: 1e12 });
    expect(chunk?.primes).toEqual([999_999_999_937, 999_999_999_959, 999_999_999_961, 999_999_999_989]);
  });

  it('sieves only what is asked for', async () => {
    const [before] = await all({ to: 2 });
    const stream = primes({ segment: 1_024 });
    for (let asked = 0; asked < 3; asked++) await stream.next();
    await stream.return(undefined);
    const [after] = await all({ to: 2 });
    expect((after?.segmentsSieved ?? 0) - (before?.segmentsSieved ?? 0)).toBe(3 + 1);
  });

  it('stops when the caller cancels', async () => {
    const cancel = new AbortController();
    const context = { signal: cancel.signal } as Context;
    const seen: number[] = [];
    for await (const chunk of primes({ segment: 1_024 }, context)) {
      seen.push(chunk.to);
      if (seen.length === 2) setImmediate(() => cancel.abort());
      if (seen.length > 100) break;
    }
    expect(seen.slice(0, 2)).toEqual([1_025, 2_049]);
    expect(seen.length).toBeLessThan(10);
  });

  it('refuses a range that is none', async () => {
    const wrong = [
      { from: -1 },
      { to: 1e12 + 1 },
      { from: 5, to: 4 },
      { to: 1.5 },
      { segment: 15 },
      { segment: Number.NaN },
    ];
    for (const event of wrong) await expect(all(event)).rejects.toThrow(RangeError);
  });
});
