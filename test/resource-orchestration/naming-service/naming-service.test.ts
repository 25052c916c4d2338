import { describe, expect, it } from 'vitest';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import {
  type NamingServiceOptions,
  namingServiceActor,
} from '../../../src/resource-orchestration/naming-service/naming-service.ts';
import type { NameEvent } from '../../../src/resource-orchestration/naming-service/protocol.ts';
import { openMemoryStore } from '../../../src/store/memory-store.ts';

function start(options: Partial<NamingServiceOptions> = {}) {
  const clock = new VirtualClock();
  const system = new ActorSystem({ clock });
  const naming = system.spawn(namingServiceActor({ clock, ...options }));
  const events: NameEvent[] = [];
  const register = async (name: string, leaseMs?: number) => {
    const outcome = await naming.ask('register', { name, holder: {}, ...(leaseMs !== undefined && { leaseMs }) });
    if (outcome.kind === 'taken') throw new Error(`${name} is taken`);
    return outcome.record;
  };
  const watch = (prefix: string, watcher = 'test') =>
    naming.tell('watch', { prefix, watcher, notify: (event) => events.push(event) });
  const heard = () => events.map(({ type, record }) => `${type} ${record.name}`);
  return { clock, naming, events, register, watch, heard };
}

describe('naming service', () => {
  it('gives a name to one holder at a time, and each registration a higher token', async () => {
    const { naming, register } = start();
    const first = await register('agents/a1');
    const outcome = await naming.ask('register', { name: 'agents/a1', holder: { pid: 2 } });
    expect(outcome).toEqual({ kind: 'taken', by: first });
    naming.tell('release', { name: 'agents/a1', token: first.token });
    const second = await register('agents/a1');
    expect(second.token).toBeGreaterThan(first.token);
  });

  it('ignores who comes with the token of an earlier holder', async () => {
    const { clock, naming, register } = start();
    const first = await register('agents/a1', 100);
    await clock.advance(100);
    const second = await register('agents/a1', 100);
    naming.tell('release', { name: 'agents/a1', token: first.token });
    await clock.advance(60);
    naming.tell('renew', { name: 'agents/a1', token: first.token });
    await clock.advance(39);
    expect(await naming.ask('lookup', { name: 'agents/a1' })).toEqual(second);
    await clock.advance(1);
    expect(await naming.ask('lookup', { name: 'agents/a1' })).toBeUndefined();
  });

  it('tells the watchers of a prefix what happens under it, in order', async () => {
    const { clock, naming, register, watch, heard } = start();
    watch('agents/');
    const { token } = await register('agents/a1');
    await register('instances/hello-1-1');
    await register('agents/a2', 50);
    naming.tell('release', { name: 'agents/a1', token });
    await clock.advance(50);
    naming.tell('unwatch', { watcher: 'test' });
    await register('agents/a3');
    expect(heard()).toEqual([
      'registered agents/a1',
      'registered agents/a2',
      'released agents/a1',
      'expired agents/a2',
    ]);
  });

  it('lets a lease end without renewal only, and arms one timer for all of them', async () => {
    const { clock, naming, register, watch, heard } = start();
    watch('');
    const { token } = await register('kept', 100);
    for (let n = 0; n < 50; n++) await register(`lost-${String(n).padStart(2, '0')}`, 150);
    expect(clock.pending).toBe(1);
    for (let n = 0; n < 10; n++) {
      await clock.advance(60);
      naming.tell('renew', { name: 'kept', token });
    }
    await clock.advance(0);
    const expired = heard().filter((event) => event.startsWith('expired'));
    expect(expired).toHaveLength(50);
    expect(expired).toEqual([...expired].sort());
    expect(await naming.ask('list', { prefix: '' })).toMatchObject([{ name: 'kept' }]);
  });

  it('changes the length of a lease on renewal, to none at all if told so', async () => {
    const { clock, naming, register } = start();
    const { token } = await register('agents/a1', 100);
    naming.tell('renew', { name: 'agents/a1', token, leaseMs: Number.POSITIVE_INFINITY });
    await clock.advance(1_000_000);
    naming.tell('renew', { name: 'agents/a1', token, leaseMs: 10 });
    await clock.advance(9);
    expect(await naming.ask('lookup', { name: 'agents/a1' })).toBeDefined();
    await clock.advance(1);
    expect(await naming.ask('lookup', { name: 'agents/a1' })).toBeUndefined();
  });

  it('survives a watcher that throws, and still tells the others', async () => {
    const { naming, register, watch, heard } = start();
    naming.tell('watch', {
      prefix: '',
      watcher: 'broken',
      notify: () => {
        throw new Error('broken watcher');
      },
    });
    watch('');
    await register('agents/a1');
    expect(heard()).toEqual(['registered agents/a1']);
  });

  it('refuses names and watchers over its limits', async () => {
    const { naming, register, watch } = start({ maxNames: 1, maxWatchers: 1 });
    await register('agents/a1');
    await expect(register('agents/a2')).rejects.toMatchObject({ code: 'OVERLOADED' });
    watch('');
    const refusals: string[] = [];
    naming.tell('watch', {
      prefix: '',
      watcher: 'other',
      notify: () => {},
      refused: ({ code }) => refusals.push(code),
    });
    await naming.ask('list', { prefix: '' });
    expect(refusals).toEqual(['OVERLOADED']);
  });

  it('keeps settings in the store, where another naming service finds them, and names in memory only', async () => {
    const store = await openMemoryStore();
    const first = start({ settings: store.database('settings') });
    await first.register('agents/a1');
    await first.naming.ask('setSetting', { key: 'limits/calls', value: { perSecond: 10 } });
    const second = start({ settings: store.database('settings') });
    expect(await second.naming.ask('getSetting', { key: 'limits/calls' })).toEqual({ perSecond: 10 });
    expect(await second.naming.ask('getSetting', { key: 'unknown' })).toBeUndefined();
    expect(await second.naming.ask('list', { prefix: '' })).toEqual([]);
  });
});
