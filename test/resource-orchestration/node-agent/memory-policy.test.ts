import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  judgeProcess,
  PROCESS_BASE_MB,
  ThreadMemoryPolicy,
  type ThreadReading,
} from '../../../src/resource-orchestration/node-agent/memory-policy.ts';

const thread = (workerId: string, overrides: Partial<ThreadReading> = {}): ThreadReading => ({
  workerId,
  memoryMb: 100,
  isBusy: true,
  report: { beat: 1, usedMb: 10 },
  ...overrides,
});

/** One reading each 50 ms. */
function watch(...readings: { residentMb?: number; ownMb?: number; threads: ThreadReading[] }[]): string[] {
  const policy = new ThreadMemoryPolicy();
  return readings.flatMap(({ residentMb, ownMb = 20, threads }, index) =>
    policy.judge({ residentMb, ownMb, threads, nowMs: index * 50 }).map(({ workerId }) => workerId),
  );
}

describe('A thread that reports', () => {
  const reporting = (...usedMb: number[]) =>
    watch(...usedMb.map((used, index) => ({ threads: [thread('w', { report: { beat: index + 1, usedMb: used } })] })));

  it('may use its limit, and for a moment as much more as uncollected garbage explains', () => {
    expect(reporting(100, 160, 100, 160, 50)).toEqual([]);
  });

  it('is over when no garbage explains it', () => {
    expect(reporting(20, 165)).toEqual(['w']);
  });

  it('is over when it stays above its limit for a second', () => {
    expect(reporting(...new Array<number>(22).fill(120))).not.toEqual([]);
    expect(reporting(...new Array<number>(19).fill(120))).toEqual([]);
  });

  it('is not judged again and again by one old report', () => {
    const idle = { threads: [thread('w', { isBusy: false, report: { beat: 1, usedMb: 120 } })] };
    expect(watch(...new Array(100).fill(idle))).toEqual([]);
  });
});

describe('A thread that is busy and silent', () => {
  it('is the suspect when the process grows by more than the thread may use', () => {
    const threads = [thread('silent'), thread('idle', { isBusy: false })];
    expect(watch({ residentMb: 100, threads }, { residentMb: 260, threads }, { residentMb: 270, threads })).toEqual([
      'silent',
    ]);
  });

  it('is not blamed for what others report', () => {
    const others = (beat: number, usedMb: number) => [thread('silent'), thread('other', { report: { beat, usedMb } })];
    const readings = [10, 60, 120, 155].map((usedMb, index) => ({
      residentMb: 100 + usedMb + 100 * (index / 3),
      threads: others(index + 1, usedMb),
    }));
    expect(watch(...readings)).toEqual([]);
  });

  it('is not blamed for memory that others have freed and the system has not got back', () => {
    const at = (beat: number, usedMb: number) => ({
      residentMb: 250,
      threads: [thread('silent'), thread('other', { report: { beat, usedMb } })],
    });
    expect(watch({ ...at(1, 10), residentMb: 110 }, at(2, 150), at(3, 10), at(4, 10))).toEqual([]);
    const gone = { residentMb: 250, threads: [thread('silent')] };
    expect(watch({ ...at(1, 10), residentMb: 110 }, at(2, 150), gone, gone)).toEqual([]);
  });

  it('is not blamed for what the main thread holds', () => {
    const threads = [thread('silent')];
    expect(watch({ residentMb: 100, ownMb: 20, threads }, { residentMb: 600, ownMb: 500, threads })).toEqual([]);
  });

  it('is the one that fell silent first, when several are', () => {
    const first = { residentMb: 100, threads: [thread('old'), thread('young', { report: { beat: 1, usedMb: 10 } })] };
    const second = { residentMb: 100, threads: [thread('old'), thread('young', { report: { beat: 2, usedMb: 10 } })] };
    expect(watch(first, second, { ...second, residentMb: 400 })).toEqual(['old']);
  });

  it('is left alone where resident memory cannot be read', () => {
    const threads = [thread('silent')];
    expect(watch({ threads }, { threads })).toEqual([]);
  });
});

it('Nobody is blamed while everybody keeps to the limit', () => {
  const usedMb = fc.integer({ min: 0, max: 100 });
  const step = fc.record({
    used: fc.array(usedMb, { minLength: 3, maxLength: 3 }),
    beats: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 40 }), (steps) => {
      const policy = new ThreadMemoryPolicy();
      const reports = [0, 1, 2].map(() => ({ beat: 1, usedMb: 0 }));
      for (const [index, { used, beats }] of steps.entries()) {
        for (const [which, beat] of beats.entries()) {
          if (beat) reports[which] = { beat: index + 2, usedMb: used[which] ?? 0 };
        }
        const threads = reports.map((report, which) => thread(`w${which}`, { report }));
        const residentMb = 60 + used.reduce((sum, mb) => sum + mb, 0);
        expect(policy.judge({ residentMb, ownMb: 20, threads, nowMs: index * 50 })).toEqual([]);
      }
    }),
    {
      // The others had freed memory before the third fell silent, and took it again.
      examples: [
        [
          [
            { used: [47, 0, 23], beats: [true, false, true] },
            { used: [0, 0, 0], beats: [false, true, false] },
            { used: [47, 95, 23], beats: [true, false, true] },
          ],
        ],
      ],
    },
  );
});

it('A process may use its limit and what Node itself needs', () => {
  expect(judgeProcess(100 + PROCESS_BASE_MB, 100)).toBeUndefined();
  expect(judgeProcess(101 + PROCESS_BASE_MB, 100)).toContain('100 MiB');
});
