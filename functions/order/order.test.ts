import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTroupe, type Troupe } from '../../src/troupe.ts';
import { workflows } from '../samples.js';
import type { Payment } from './payments.ts';
import type { Stock } from './stock.ts';

describe('an order', () => {
  let troupe: Troupe;

  beforeAll(async () => {
    troupe = await createTroupe();
    const sample = workflows.find(({ name }) => name === 'order');
    for (const [name, source] of Object.entries(sample?.functions ?? {})) await troupe.deploy({ name, source });
    await troupe.workflows.deploy({ name: 'order', source: new URL('./order.wf.yaml', import.meta.url) });
  });

  afterAll(() => troupe.close());

  const stock = () => troupe.invoke<Stock>('stock', { action: 'show' });
  const payment = (order: string) => troupe.invoke<Payment>('payments', { action: 'show', order });
  const start = (order: string, rest: object) =>
    troupe.workflows.start('order', { order, item: 'teapot', quantity: 2, country: 'NO', ...rest }, { id: order });

  async function stepsOf(order: string): Promise<unknown[]> {
    const history = await troupe.workflows.execution(order).history();
    return history.filter(({ type }) => type.startsWith('step')).map(({ type, step }) => `${type} ${step}`);
  }

  it('is reserved, paid at the third attempt, and shipped', async () => {
    const run = await start('A-1', {});
    expect(await run.result()).toEqual({ order: 'A-1', paidCents: 6_900, parcel: 'NO-A-1', days: 1 });
    expect(await stock()).toMatchObject({ available: { teapot: 10 }, reserved: [{ order: 'A-1', quantity: 2 }] });
    expect(await payment('A-1')).toMatchObject({ cents: 6_900, bookings: [6_900] });
    const { known } = await run.status();
    expect(known.find(({ step }) => step === 'Charge')).toMatchObject({ status: 'succeeded', attempts: 3 });
  });

  it('that cannot be shipped is paid back first, and then put back', async () => {
    const run = await start('A-2', { country: 'AQ' });
    await expect(run.result()).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: expect.stringContaining('Nobody carries parcels to AQ'),
      details: { step: 'Ship' },
      cause: { cause: { name: 'NoSuchRoute' } },
    });
    expect(await payment('A-2')).toMatchObject({ cents: 0, bookings: [6_900, -6_900] });
    const { available, reserved } = await stock();
    expect(available['teapot']).toBe(10);
    expect(reserved.map(({ order }) => order)).not.toContain('A-2');
    expect((await stepsOf('A-2')).slice(-3)).toEqual([
      'stepFailed Ship',
      'stepSucceeded Charge/compensate',
      'stepSucceeded Reserve/compensate',
    ]);
  });

  it('of what is not there costs nobody anything', async () => {
    const run = await start('A-3', { item: 'sieve', quantity: 4 });
    await expect(run.result()).rejects.toMatchObject({ code: 'STEP_FAILED', cause: { cause: { name: 'OutOfStock' } } });
    expect(await payment('A-3')).toMatchObject({ cents: 0, bookings: [] });
    expect(await stepsOf('A-3')).toEqual(['stepFailed Reserve']);
  });

  it('that is no order says which field is wrong', async () => {
    await expect(troupe.invoke('order', { order: 'A-4', item: 'anvil', quantity: 1 })).rejects.toThrow(
      /`item` must be one of teapot, cup, sieve/,
    );
    await expect(troupe.invoke('order', { order: 'A-5', item: 'cup', quantity: 0 })).rejects.toThrow(/`quantity` must/);
    await expect(troupe.invoke('order', {})).rejects.toThrow(/`order` is missing/);
  });

  it('is one, however often it is started with the same number', async () => {
    const again = await start('A-1', {});
    expect(again.isNew).toBe(false);
    expect(await again.result()).toMatchObject({ parcel: 'NO-A-1' });
    expect(await payment('A-1')).toMatchObject({ bookings: [6_900] });
  });
});
