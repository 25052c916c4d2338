import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronFaults } from '../../../../src/ecosystem/event-management/schedules/cron-fault.ts';

describe('a cron pattern', () => {
  it.each([
    '* * * * *',
    '0 3 * * *',
    '*/10 * * * * *',
    '0 0 0 1 1 * 2030',
    '0 0 0 1 1 * 2030-2040/2',
    '0 9-17/2 1,15 jan,MAR-may mon-FRI',
    '0 0 L * *',
    '0 0 1,L * *',
    '0 0 LW * *',
    '0 0 15W,20w * *',
    '0 0 ? * FRI#2',
    '0 0 * * 5L,MON#1',
    '0 0 * * MON-WED/2',
    '0 0 * * FRI-SUN',
    '0 0 1 * +MON',
    '@daily',
    '  @Hourly ',
  ])('is one where it is written as %s', (cron) => {
    expect(cronFaults(cron)).toEqual([]);
  });

  it.each([
    ['0 0 32 * *', 'field 3: 32 is not a day (1 to 31, L, LW or 15W)'],
    ['0 0 0 32 * *', 'field 4: 32 is not a day (1 to 31, L, LW or 15W)'],
    ['60 * * * *', 'field 1: 60 is not a minute (0 to 59)'],
    ['0 24 * * *', 'field 2: 24 is not an hour (0 to 23)'],
    ['0 0 1 13 *', 'field 4: 13 is not a month (1 to 12, or JAN to DEC)'],
    ['0 0 1 june *', 'field 4: june is not a month (1 to 12, or JAN to DEC)'],
    ['0 0 * * 8', 'field 5: 8 is not a weekday (0 to 7, or SUN to SAT, FRI#2, FRIL)'],
    ['0 0 * * L', 'field 5: L is not a weekday (0 to 7, or SUN to SAT, FRI#2, FRIL)'],
    ['0 0 * * FRI#6', 'field 5: FRI#6: after # comes which one of the month, 1 to 5 or L, not 6'],
    ['0 0 * * +', 'field 5: after + a weekday is missing (0 to 7, or SUN to SAT, FRI#2, FRIL)'],
    ['0 22-2 * * *', 'field 2: 22-2 runs backwards: write the earlier hour first, or two ranges'],
    ['*/70 * * * *', 'field 1: 70 is not a step of minutes (1 to 60)'],
    ['5/10 * * * *', 'field 1: 5/10: a step follows * or a range, as in */10 or 0-59/10'],
    ['1,,2 * * * *', 'field 1: 1,,2 has a comma with nothing beside it'],
    ['-1 * * * *', 'field 1: -1 is not a minute (0 to 59)'],
    ['0 0 L-3 * *', 'field 3: L is not a day (1 to 31, L, LW or 15W)'],
    ['0 0 1,LW * *', 'field 3: LW stands alone, not in a list'],
    ['@reboot', '@reboot is not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly'],
  ])('written as %s is refused with the field and why', (cron, fault) => {
    expect(cronFaults(cron)).toEqual([fault]);
  });

  it('has all its faults told at once', () => {
    expect(cronFaults('61 25 1 * *')).toEqual([
      'field 1: 61 is not a minute (0 to 59)',
      'field 2: 25 is not an hour (0 to 23)',
    ]);
  });

  it('of too few or too many fields is told how many it has', () => {
    expect(cronFaults('* * * *')[0]).toContain('it has 4 fields, and needs 5: minute, hour, day, month, weekday');
    expect(cronFaults('')[0]).toContain('it has 0 fields');
    expect(cronFaults('*')[0]).toContain('it has 1 field,');
    expect(cronFaults('* * * * * * * *')[0]).toContain('it has 8 fields');
    expect(cronFaults(`0 0 * * ${'1,'.repeat(1_000)}1`)[0]).toContain('more than 1000 characters');
  });

  const atoms = [
    '*',
    '?',
    '0',
    '1',
    '5',
    '07',
    '12',
    '23',
    '31',
    '59',
    '60',
    'L',
    'W',
    'l',
    'jan',
    'MON',
    'sun',
    '2030',
  ];
  const glue = ['', '-', '/', ',', '#', '+'];
  const field = fc
    .array(fc.tuple(fc.constantFrom(...glue), fc.constantFrom(...atoms)), { minLength: 1, maxLength: 3 })
    .map((parts) =>
      parts.map(([before, atom], index) => (index === 0 && before !== '+' ? atom : before + atom)).join(''),
    );
  const anyField = fc.oneof({ weight: 3, arbitrary: fc.constant('*') }, { weight: 2, arbitrary: field });
  const pattern = fc.array(anyField, { minLength: 5, maxLength: 7 }).map((fields) => fields.join(' '));

  it('without a fault is one that croner takes, and what croner refuses has a fault', () => {
    const differing: string[] = [];
    fc.assert(
      fc.property(pattern, (cron) => {
        const isRefused = cronFaults(cron).length > 0;
        if (!isRefused) expect(() => new Cron(cron), cron).not.toThrow();
        else if (takes(cron)) differing.push(cron);
      }),
      { numRuns: 5_000 },
    );
    // What croner takes although it means nothing: steps and places of the month together, a range with steps that ends where no field does.
    for (const cron of differing) expect(cron).toMatch(/#|[lw]|-\w+\//i);
  });
});

function takes(cron: string): boolean {
  try {
    return new Cron(cron) !== undefined;
  } catch {
    return false;
  }
}
