/** Schedules under crashes, clocks that are set and disks that refuse, in any order: each time has one job at most, and each is accounted for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScheduleView } from '../../../../src/ecosystem/event-management/protocol.ts';
import { type Cadence, countTimes } from '../../../../src/ecosystem/event-management/schedules/cadence.ts';
import { ScheduleStore } from '../../../../src/ecosystem/event-management/schedules/schedule-store.ts';
import { TroupeError } from '../../../../src/errors.ts';
import { JobWorld } from '../../../support/job-world.ts';
import { ask, scheduleFaults, set } from '../../../support/schedule-world.ts';

const MINUTE_MS = 60_000;
const LONG_MS = 100 * 86_400_000;

type Step =
  | { readonly kind: 'advance' | 'stepWall' | 'crash'; readonly ms: number }
  | { readonly kind: 'stall' | 'diskFull' | 'diskFree' | 'undeploy' | 'deploy' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(8 * MINUTE_MS) }) },
  fc.record({ kind: fc.constant('stepWall' as const), ms: fc.integer({ min: -9 * MINUTE_MS, max: 9 * MINUTE_MS }) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), ms: fc.nat(9 * MINUTE_MS) }) },
  fc.record({ kind: fc.constantFrom('stall' as const, 'diskFull', 'diskFree', 'undeploy', 'deploy') }),
);

async function take(world: JobWorld, each: Step): Promise<JobWorld> {
  switch (each.kind) {
    case 'advance':
      await world.clock.advance(each.ms);
      return world;
    case 'stepWall':
      world.clock.stepWall(each.ms);
      return world;
    case 'crash':
      return world.crash(undefined, each.ms);
    case 'stall':
      world.stalled.add('schedules');
      return world;
    case 'diskFull':
      world.diskError = new TroupeError('STORE_WRITE_FAILED', 'full');
      return world;
    case 'diskFree':
      world.diskError = undefined;
      return world;
    case 'undeploy':
      world.undeployed.add('work');
      return world;
    default:
      world.undeployed.delete('work');
      return world;
  }
}

describe('schedules, whatever happens to their host', () => {
  it('give each time one job at most, and account for each', async () => {
    const run = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.constantFrom('once' as const, 'skip' as const),
      fc.constantFrom('allow' as const, 'skip', 'queue'),
      async (steps, missed, overlap) => {
        let world = await JobWorld.start();
        world.answer = () => 'done';
        const job = { keepMs: LONG_MS };
        await set(world, 'every', { everyMs: 47_000, missed, overlap, job });
        await set(world, 'cron', { cron: '*/2 * * * *', missed, overlap, job });
        for (const each of steps) world = await take(world, each);
        world.stalled.clear();
        world.diskError = undefined;
        world.undeployed.clear();
        world = await world.crash();
        await world.clock.advance(20 * MINUTE_MS);

        expect(scheduleFaults(world)).toEqual([]);
        const keys = (await jobKeys(world)).sort();
        expect(keys).toEqual([...new Set(keys)]);
        for (const { name, counts } of (await ask(world, 'list', {})) as ScheduleView[]) {
          const { cadence, fromMs, handledMs } = standing(world, name);
          const times = countTimes(cadence, fromMs, handledMs);
          expect(counts.fired + counts.skipped + counts.missed).toBe(times);
          const jobs = keys.filter((key) => key.startsWith(`${name}@`)).length;
          expect(jobs).toBeGreaterThanOrEqual(counts.fired);
          expect(jobs).toBeLessThanOrEqual(times);
        }
      },
    );
    await fc.assert(run, { numRuns: 60 });
  }, 60_000);
});

async function jobKeys(world: JobWorld): Promise<string[]> {
  const jobs = (await world.ask('list', { limit: 1_000 })) as readonly { idempotencyKey?: string }[];
  return jobs.map(({ idempotencyKey = '' }) => idempotencyKey);
}

/** As it is on disk. */
function standing(world: JobWorld, name: string): { cadence: Cadence; fromMs: number; handledMs: number } {
  const store = new ScheduleStore(world.store.database('schedules'));
  for (const { name: each, record, state } of store.all(() => undefined))
    if (each === name) return { cadence: record.cadence, fromMs: record.fromMs, handledMs: state?.handledMs ?? 0 };
  throw new Error(`there is no ${name}`);
}
