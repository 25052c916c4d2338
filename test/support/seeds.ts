import { randomInt } from 'node:crypto';

/**
 * Runs a check once for each of `runs` fresh seeds. A failure names its seed; `TROUPE_SEED=<seed>` then runs that one alone.
 */
export async function forEachSeed(runs: number, check: (seed: number) => void | Promise<void>): Promise<void> {
  const given = process.env['TROUPE_SEED'];
  const seeds = given === undefined ? Array.from({ length: runs }, () => randomInt(2 ** 31)) : [Number(given)];
  for (const seed of seeds) {
    try {
      await check(seed);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new Error(`Seed ${seed} fails (run again with TROUPE_SEED=${seed}): ${why}`, { cause: thrown });
    }
  }
}
