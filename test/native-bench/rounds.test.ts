import { describe, expect, it } from 'vitest';
import { figureOf, judge, measure, rowsOf } from '../../native-bench/harness/rounds.js';

type Round = { p50Us?: number; p99Us?: number; perSecond?: number; value?: number; phasesUs?: Record<string, number> };

function measured(rounds: Record<string, readonly Round[]>): Map<string, readonly Round[]> {
  return new Map(Object.entries(rounds));
}

const p50 = (...values: number[]): Round[] => values.map((p50Us) => ({ p50Us }));
const rate = (...values: number[]): Round[] => values.map((perSecond) => ({ perSecond }));

describe('measuring', () => {
  function recorded(name: string, log: string[], failAt = -1) {
    let rounds = 0;
    return {
      name,
      round: async () => {
        log.push(name);
        if (rounds++ === failAt) throw new Error('broken');
        return { value: rounds };
      },
      close: async () => void log.push(`close ${name}`),
    };
  }

  it('lets subjects take turns, does not count the first round, and closes all', async () => {
    const log: string[] = [];
    const result = await measure([recorded('a', log), recorded('b', log)], { rounds: 2 });
    expect(log).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'close a', 'close b']);
    expect(result.get('a')).toEqual([{ value: 2 }, { value: 3 }]);
  });

  it('ends early when it is enough, but not before one round that counts', async () => {
    const result = await measure([recorded('a', [])], { rounds: 9, enough: () => true });
    expect(result.get('a')).toHaveLength(1);
  });

  it('closes all when one fails', async () => {
    const log: string[] = [];
    await expect(measure([recorded('a', log), recorded('b', log, 1)], { rounds: 5 })).rejects.toThrow('broken');
    expect(log.slice(-2)).toEqual(['close a', 'close b']);
  });

  it('refuses two subjects of one name', async () => {
    await expect(measure([recorded('a', []), recorded('a', [])], { rounds: 1 })).rejects.toThrow('same name');
  });
});

describe('figures', () => {
  it('come from the histogram, in microseconds, unless they are given', () => {
    const latenciesUs = { getValueAtPercentile: (percent: number) => percent * 1_000 } as never;
    expect(figureOf({ latenciesUs }, 'p99')).toBe(99);
    expect(figureOf({ latenciesUs, p50Us: 3 }, 'p50')).toBe(3);
    expect(figureOf({}, 'p50')).toBeUndefined();
  });
});

describe('rows', () => {
  it('take ratios within a round, so that what slows a round down for all does not count', () => {
    const [row] = rowsOf(measured({ troupe: p50(1, 100, 2), peer: p50(10, 1_000, 20) }), []);
    expect(row).toMatchObject({ p50Us: 2, ratios: { peer: { p50: 0.1, ci95: [0.1, 0.1], ci95Of: 'p50' } } });
  });

  it('compare the subjects of troupe with all others, and whatever a bar asks for', () => {
    const rounds = measured({ troupe: p50(2), 'troupe, no spinning': p50(4), floor: p50(1), other: p50(8) });
    const bar = { figure: 'p50', subject: 'troupe', against: 'troupe, no spinning', bar: 1, aim: 1 } as const;
    const peersOf = Object.fromEntries(rowsOf(rounds, [bar]).map((row) => [row.subject, Object.keys(row.ratios)]));
    expect(peersOf).toEqual({
      troupe: ['troupe, no spinning', 'floor', 'other'],
      'troupe, no spinning': ['floor', 'other'],
      floor: [],
      other: [],
    });
  });

  it('leave out what a subject did not measure, and take the median of each component', () => {
    const phases = (start: number, run: number) => ({ phasesUs: { start, run } });
    const [row] = rowsOf(measured({ troupe: [phases(1, 5), phases(9, 7), phases(3, 6)] }), []);
    expect(row).toEqual({ subject: 'troupe', phasesUs: { start: 3, run: 6 }, ratios: {} });
  });
});

describe('bars', () => {
  const against = (bar: number, aim: number, peer = 'peer*') =>
    ({ figure: 'p50', subject: 'troupe', against: peer, bar, aim }) as const;

  it('hold a subject against the best of several in the same round', () => {
    const rounds = measured({
      troupe: p50(1, 1, 1),
      'peer a': p50(10, 50, 8),
      'peer b': p50(20, 4, 16),
      other: p50(1, 1, 1),
    });
    expect(judge(rounds, against(0.15, 0.1))).toMatchObject({
      measured: 1 / 8,
      verdict: 'met',
      aimMet: false,
      chosen: 'peer a',
    });
    expect(judge(rounds, against(0.1, 0.1))).toMatchObject({ verdict: 'missed' });
  });

  it('want rates to be high and latencies to be low', () => {
    const rounds = measured({ troupe: rate(30, 30), 'peer a': rate(10, 5), 'peer b': rate(5, 10) });
    const bar = { figure: 'perSecond', subject: 'troupe', against: 'peer*', bar: 3, aim: 4 } as const;
    expect(judge(rounds, bar)).toMatchObject({ measured: 3, verdict: 'met', aimMet: false });
    expect(judge(rounds, { ...bar, bar: 3.1 })).toMatchObject({ verdict: 'missed' });
  });

  it('hold the figure itself when there is no peer', () => {
    const rounds = measured({ troupe: [{ value: 0.3 }, { value: 0.5 }, { value: 0.4 }] });
    const bar = { figure: 'value', subject: 'troupe', against: '', bar: 0.5, aim: 0.1 } as const;
    expect(judge(rounds, bar)).toMatchObject({ measured: 0.4, verdict: 'met', aimMet: false });
  });

  it('are not met by what could not be measured', () => {
    expect(judge(measured({ troupe: p50(1) }), against(1, 1))).toMatchObject({
      verdict: 'not measured',
      aimMet: false,
    });
    expect(judge(measured({ 'peer a': p50(1) }), against(1, 1))).toMatchObject({ verdict: 'not measured' });
  });
});
