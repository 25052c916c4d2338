import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationMs } from '../../../src/developer-environment/testing/duration.ts';
import { RealWork } from '../../../src/developer-environment/testing/real-work.ts';
import { createTestTroupe } from '../../../src/developer-environment/testing/testing.ts';
import { DAY, deploy, HOUR, MINUTE, SECOND, testHost } from './test-host.ts';

describe('the clock of a test host', () => {
  it('stands still while nobody moves it, and calls are answered all the same', async () => {
    const troupe = await testHost({ startAt: Date.UTC(2030, 0, 1) });
    await deploy(troupe, 'nested', "return event > 0 ? context.invoke('nested', event - 1) : 'bottom';");
    expect(await Promise.all([troupe.invoke('nested', 0), troupe.invoke('nested', 0)])).toEqual(['bottom', 'bottom']);
    expect(troupe.clock.now()).toBe(Date.UTC(2030, 0, 1));
  });

  it('lets a call that waits for an instance have the host’s own timers', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'nested', "return event > 0 ? context.invoke('nested', event - 1) : 'bottom';");
    expect(await troupe.invoke('nested', 3)).toBe('bottom');
    expect(troupe.clock.now()).toBeLessThan(Date.UTC(2026, 0, 1) + SECOND);
  });

  it('is moved by one at a time, in the order in which they asked', async () => {
    const troupe = await testHost();
    const beganMs = troupe.clock.now();
    const seen: number[] = [];
    const move = async (duration: string) => {
      await troupe.clock.advance(duration);
      seen.push(troupe.clock.now() - beganMs);
    };
    await Promise.all([move('1h'), move('2h'), move('1d')]);
    expect(seen).toEqual([HOUR, 3 * HOUR, DAY + 3 * HOUR]);
  });

  it('says that what it runs until has not come', async () => {
    const troupe = await testHost();
    const never = new Promise(() => undefined);
    await expect(troupe.clock.runUntil(never, { within: '2h' })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('within 2h of virtual time'),
    });
  });

  it('says what keeps it from going on', async () => {
    const work = new RealWork({ patienceMs: 10, stallTimeoutMs: 30 });
    const ended = work.begin('the disk', 'host');
    work.begin('a server', 'outside');
    await expect(work.whenQuiet()).rejects.toThrow('Still under way: the disk.');
    ended();
    await work.whenQuiet();
  });

  it('is the real one where the test wants that', async () => {
    const troupe = await testHost({ clock: 'real' });
    await deploy(troupe, 'work', 'return event;');
    const { id } = await troupe.enqueue('work', 1, { delayMs: 20 });
    await troupe.clock.advance(20);
    expect(await troupe.clock.runUntil(troupe.jobs.result(id))).toBe(1);
    expect(Math.abs(troupe.clock.now() - Date.now())).toBeLessThan(SECOND);
  });

  it('is disposed of with its host', async () => {
    await using troupe = await createTestTroupe();
    await troupe.clock.advance('1s');
  });

  it('goes on in a data directory after a restart', async () => {
    const { temporaryDirectory } = await import('../../support/temporary-directory.ts');
    const dataDir = await temporaryDirectory();
    const before = await testHost({ dataDir });
    await deploy(before, 'work', 'return event;');
    const { id } = await before.enqueue('work', 'kept', { delayMs: HOUR });
    await before.close();
    const after = await testHost({ dataDir, startAt: Date.UTC(2026, 0, 1) + HOUR });
    expect(await after.clock.runUntil(after.jobs.result(id), { within: '1s' })).toBe('kept');
  });
});

describe('options of a test host', () => {
  it('are refused with every fault at once', async () => {
    const options = { clock: 'fast', seed: Number.NaN, startAt: new Date('no'), callPatienceMs: -1 } as never;
    await expect(createTestTroupe(options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: {
        faults: [
          expect.stringContaining('clock'),
          expect.stringContaining('startAt'),
          expect.stringContaining('seed'),
          expect.stringContaining('callPatienceMs'),
        ],
      },
    });
    await expect(createTestTroupe({ agent: 'process' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(createTestTroupe({ agents: 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90 * SECOND],
    ['1h 30m', 90 * MINUTE],
    ['1.5h', 90 * MINUTE],
    ['30d', 30 * DAY],
    [12.5, 12.5],
    ['2w', 14 * DAY],
  ])('%s', (text, ms) => expect(durationMs(text)).toBe(ms));

  it.each(['', 'h', '1', '1 hour', '-1s', '1h,', Number.NaN, -1, Number.POSITIVE_INFINITY])('%s is none', (text) => {
    expect(() => durationMs(text)).toThrow('is not a duration');
  });

  it('add up', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), fc.nat(10_000), (days, minutes, ms) => {
        expect(durationMs(`${days}d ${minutes}m${ms}ms`)).toBe(days * DAY + minutes * MINUTE + ms);
      }),
    );
  });
});
