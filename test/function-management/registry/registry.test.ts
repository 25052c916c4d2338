import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TroupeError } from '../../../src/errors.ts';
import { KEPT_VERSIONS } from '../../../src/function-management/registry/catalogue.ts';
import type { FunctionDescription, RegistryMessages } from '../../../src/function-management/registry/protocol.ts';
import { registryActor } from '../../../src/function-management/registry/registry.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import type { ActorRef } from '../../../src/kernel/protocol.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { functionKeys } from '../../../src/store/keys.ts';
import { openLmdbStore } from '../../../src/store/lmdb-store.ts';
import { type Memory, openMemoryStore } from '../../../src/store/memory-store.ts';
import type { Store } from '../../../src/store/protocol.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { newVersion } from './versions.ts';

interface Host {
  readonly store: Store;
  readonly registry: ActorRef<RegistryMessages>;
  readonly heard: (FunctionDescription | string)[];
  readonly faults: string[];
  close(): Promise<void>;
}

async function startHost(store: Store, artifactsDirectory = '/artifacts'): Promise<Host> {
  const heard: (FunctionDescription | string)[] = [];
  const faults: string[] = [];
  const clock = new VirtualClock(1_000);
  const system = new ActorSystem({ clock });
  const listener = {
    functionChanged: (description: FunctionDescription) => heard.push(description),
    functionRemoved: (name: string) => heard.push(name),
  };
  const registry = system.spawn(
    registryActor({
      store: store.database('functions'),
      artifactsDirectory,
      listeners: [listener],
      clock,
      onFault: (fault) => faults.push(fault),
    }),
  );
  const close = async () => {
    await system.stop(registry);
    await store.close();
  };
  return { store, registry, heard, faults, close };
}

const to = (...versions: number[]) => versions.map((version) => ({ version, weight: 1 }));

describe.each(['memory', 'lmdb'] as const)('the registry on %s', (driver) => {
  let openStore: () => Promise<Store>;
  let host: Host;
  const restart = async (artifactsDirectory?: string) => {
    await host.close();
    host = await startHost(await openStore(), artifactsDirectory);
  };

  beforeEach(async () => {
    const memory: Memory = new Map();
    const dataDir = await temporaryDirectory();
    openStore = () => (driver === 'memory' ? openMemoryStore({ memory }) : openLmdbStore({ dataDir }));
    host = await startHost(await openStore());
  });
  afterEach(() => host.close());

  it('lets the oldest versions without an alias go when there are too many, for good', async () => {
    for (let number = 1; number <= KEPT_VERSIONS + 2; number++) {
      await host.registry.ask('register', newVersion('thumbnail', `a${number}`));
    }
    const { pruned } = await host.registry.ask('register', newVersion('thumbnail', 'last'));
    expect(pruned.map(({ version }) => version)).toEqual([2]);
    await restart();
    const { versions } = await host.registry.ask('describe', { name: 'thumbnail' });
    expect(versions).toHaveLength(KEPT_VERSIONS + 1);
    expect(versions[0]?.version).toBe(3);
  });

  it('numbers versions, moves current, tells its listeners, and has it all after a restart', async () => {
    const first = await host.registry.ask('register', newVersion('a', 'one'));
    const second = await host.registry.ask('register', newVersion('a', 'two'));
    expect([first.version.version, second.version.version]).toEqual([1, 2]);
    expect(first).toEqual({
      pruned: [],
      isNew: true,
      version: { ...newVersion('a', 'one'), version: 1, createdAtMs: 1_000 },
    });
    await host.registry.ask('setAlias', { name: 'a', alias: 'stable', targets: to(1, 2) });
    const description = await host.registry.ask('describe', { name: 'a' });
    expect(description.versions).toEqual([first.version, second.version]);
    expect(description.aliases).toEqual([
      { name: 'a', alias: 'current', targets: to(2) },
      { name: 'a', alias: 'stable', targets: to(1, 2) },
    ]);
    expect(host.heard).toHaveLength(3);
    expect(host.heard.at(-1)).toEqual(description);
    await restart();
    expect(await host.registry.ask('list', undefined)).toEqual([description]);
    expect(host.heard).toEqual([description]);
    expect(host.faults).toEqual([]);
  });

  it('answers a repeated deploy with the version that exists, and a roll-back is not one', async () => {
    await host.registry.ask('register', newVersion('a', 'one'));
    expect(await host.registry.ask('register', newVersion('a', 'one'))).toMatchObject({
      isNew: false,
      version: { version: 1 },
    });
    expect(host.heard).toHaveLength(1);
    await restart();
    expect(await host.registry.ask('register', newVersion('a', 'one'))).toMatchObject({
      isNew: false,
      version: { version: 1 },
    });
    await host.registry.ask('register', newVersion('a', 'two'));
    expect(await host.registry.ask('register', newVersion('a', 'one'))).toMatchObject({
      isNew: true,
      version: { version: 3 },
    });
  });

  it('gives concurrent deploys a version each, and the last one is current', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) => host.registry.ask('register', newVersion('a', `${index}`))),
    );
    expect(replies.map(({ version }) => version.version)).toEqual(replies.map((_, index) => index + 1));
    expect((await host.registry.ask('describe', { name: 'a' })).aliases).toEqual([
      { name: 'a', alias: 'current', targets: to(20) },
    ]);
  });

  it('never gives a number twice, also after the function was removed and the host restarted', async () => {
    await host.registry.ask('register', newVersion('a', 'one'));
    const { removed } = await host.registry.ask('remove', { name: 'a' });
    expect(removed.map(({ version }) => version)).toEqual([1]);
    expect(host.heard.at(-1)).toBe('a');
    await restart();
    expect(host.heard).toEqual([]);
    expect((await host.registry.ask('register', newVersion('a', 'one'))).version.version).toBe(2);
  });

  it('refuses what contradicts its state, and changes nothing', async () => {
    await host.registry.ask('register', newVersion('thumbnail', 'one'));
    const { registry } = host;
    await expect(registry.ask('describe', { name: 'thumbnial' })).rejects.toMatchObject({
      code: 'FUNCTION_NOT_FOUND',
      details: { suggestion: 'thumbnail' },
    });
    await expect(registry.ask('remove', { name: 'none' })).rejects.toMatchObject({ code: 'FUNCTION_NOT_FOUND' });
    await expect(registry.ask('register', newVersion('../up', 'one'))).rejects.toMatchObject({ code: 'INVALID_NAME' });
    await expect(registry.ask('describe', { name: '__proto__' })).rejects.toMatchObject({ code: 'INVALID_NAME' });
    await expect(registry.ask('setAlias', { name: 'thumbnail', alias: 'x', targets: to(9) })).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
      details: { versions: [1] },
    });
    await expect(registry.ask('setAlias', { name: 'thumbnail', alias: '12', targets: to(1) })).rejects.toMatchObject({
      code: 'INVALID_NAME',
    });
    await expect(registry.ask('removeAlias', { name: 'thumbnail', alias: 'current' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await expect(registry.ask('removeAlias', { name: 'thumbnail', alias: 'x' })).rejects.toMatchObject({
      code: 'ALIAS_NOT_FOUND',
      details: { aliases: ['current'] },
    });
    expect(host.heard).toHaveLength(1);
  });

  it('finds its artifacts in a data directory that was moved', async () => {
    await host.registry.ask('register', newVersion('a', 'one'));
    await restart('/moved');
    const { versions } = await host.registry.ask('describe', { name: 'a' });
    expect(versions[0]?.artifact).toEqual(newVersion('a', 'one', '/moved').artifact);
    expect(await host.registry.ask('register', newVersion('a', 'one', '/moved'))).toMatchObject({ isNew: false });
  });

  it('leaves out a version that cannot be understood, mends the aliases, says so once, and serves the rest', async () => {
    for (const code of ['one', 'two', 'three']) await host.registry.ask('register', newVersion('a', code));
    await host.registry.ask('setAlias', { name: 'a', alias: 'beta', targets: to(3) });
    await host.registry.ask('register', newVersion('b', 'only'));
    await host.registry.ask('register', newVersion('c', 'fine'));
    await host.store.database('functions').commit([
      { kind: 'put', key: functionKeys.version('a', 3), value: { artifact: 'gone' } },
      { kind: 'delete', key: functionKeys.version('b', 1) },
    ]);
    await restart();
    const list = await host.registry.ask('list', undefined);
    expect(list.map(({ name }) => name)).toEqual(['a', 'c']);
    expect(list[0]?.versions.map(({ version }) => version)).toEqual([1, 2]);
    expect(list[0]?.aliases).toEqual([{ name: 'a', alias: 'current', targets: to(2) }]);
    expect(host.faults.join('\n')).toMatch(
      /Version 3 of "a" .*\n.*now points to 2.\n.*"beta".*dropped.\n.*"current" of "b".*dropped/,
    );
    await restart();
    expect(host.faults.filter((fault) => !fault.startsWith('Version 3 of "a"'))).toEqual([]);
    expect((await host.registry.ask('register', newVersion('b', 'only'))).version.version).toBe(2);
  });
});

it('answers a failed write with its reason, tells nobody, and goes on from the state before', async () => {
  const store = await openMemoryStore();
  let isBroken = false;
  const functions = store.database('functions');
  const flaky: Store = {
    ...store,
    database: () => ({
      get: (key) => functions.get(key),
      range: (options) => functions.range(options),
      commit: (operations) =>
        isBroken ? Promise.reject(new TroupeError('STORE_WRITE_FAILED', 'disk')) : functions.commit(operations),
    }),
  };
  const host = await startHost(flaky);
  await host.registry.ask('register', newVersion('a', 'one'));
  isBroken = true;
  await expect(host.registry.ask('register', newVersion('a', 'two'))).rejects.toMatchObject({
    code: 'STORE_WRITE_FAILED',
  });
  expect(host.heard).toHaveLength(1);
  isBroken = false;
  expect(await host.registry.ask('register', newVersion('a', 'one'))).toMatchObject({ isNew: false });
  expect((await host.registry.ask('register', newVersion('a', 'two'))).version.version).toBe(2);
  await host.close();
});

it('refuses a name that something else has, and stores nothing', async () => {
  const store = await openMemoryStore();
  const clock = new VirtualClock();
  const isTaken = (name: string) => (name === 'order' ? 'a workflow' : undefined);
  const options = {
    store: store.database('functions'),
    artifactsDirectory: '/artifacts',
    listeners: [],
    clock,
    isTaken,
  };
  const registry = new ActorSystem({ clock }).spawn(registryActor(options));
  await expect(registry.ask('register', newVersion('order', 'one'))).rejects.toMatchObject({
    code: 'NAME_TAKEN',
    message: expect.stringContaining('"order" is the name of a workflow'),
  });
  await registry.ask('register', newVersion('orders', 'one'));
  expect((await registry.ask('list', undefined)).map(({ name }) => name)).toEqual(['orders']);
});

it('keeps its invariants under any sequence of changes, and so does what it stored', async () => {
  const name = fc.constantFrom('a', 'b');
  const version = fc.integer({ min: 1, max: 5 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('register' as const), name, code: fc.constantFrom('one', 'two', 'three') }),
    fc.record({
      kind: fc.constant('setAlias' as const),
      name,
      alias: fc.constantFrom('current', 'x', 'y'),
      versions: fc.uniqueArray(version, { minLength: 1, maxLength: 2 }),
    }),
    fc.record({ kind: fc.constant('removeAlias' as const), name, alias: fc.constantFrom('current', 'x', 'y') }),
    fc.record({ kind: fc.constant('remove' as const), name }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const memory: Memory = new Map();
      const host = await startHost(await openMemoryStore({ memory }));
      const given = new Map<string, number>();
      const mirror = new Map<string, FunctionDescription>();
      for (const each of steps) {
        const { registry } = host;
        if (each.kind === 'register') {
          const reply = await registry.ask('register', newVersion(each.name, each.code));
          if (reply.isNew) expect(reply.version.version).toBe((given.get(each.name) ?? 0) + 1);
          if (reply.isNew) given.set(each.name, reply.version.version);
        } else {
          const asked =
            each.kind === 'setAlias'
              ? registry.ask('setAlias', { name: each.name, alias: each.alias, targets: to(...each.versions) })
              : each.kind === 'remove'
                ? registry.ask('remove', each)
                : registry.ask('removeAlias', each);
          await asked.catch((error: { code: string }) => expect(error.code).toMatch(/^(\w+_NOT_FOUND|CONFLICT)$/));
        }
        for (const { name, versions, aliases } of await registry.ask('list', undefined)) {
          const numbers = versions.map(({ version }) => version);
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          expect(aliases.map(({ alias }) => alias)).toContain('current');
          for (const { targets } of aliases) for (const target of targets) expect(numbers).toContain(target.version);
          expect(numbers.at(-1)).toBeLessThanOrEqual(given.get(name) ?? 0);
        }
      }
      for (const heard of host.heard) {
        if (typeof heard === 'string') mirror.delete(heard);
        else mirror.set(heard.name, heard);
      }
      const list = await host.registry.ask('list', undefined);
      expect([...mirror.values()].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(list);
      await host.close();
      const again = await startHost(await openMemoryStore({ memory }));
      expect(await again.registry.ask('list', undefined)).toEqual(list);
      expect(again.faults).toEqual([]);
      await again.close();
    }),
    { numRuns: 60 },
  );
});
