import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TroupeError } from '../../../src/errors.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import type { ActorRef } from '../../../src/kernel/protocol.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { workflowKeys } from '../../../src/store/keys.ts';
import { openLmdbStore } from '../../../src/store/lmdb-store.ts';
import { type Memory, openMemoryStore } from '../../../src/store/memory-store.ts';
import type { KeyValueStore, Store } from '../../../src/store/protocol.ts';
import { KEPT_VERSIONS, MAX_SOURCE_BYTES } from '../../../src/workflow-composition/registry/catalogue.ts';
import type { WorkflowRegistryMessages } from '../../../src/workflow-composition/registry/protocol.ts';
import { workflowRegistryActor } from '../../../src/workflow-composition/registry/registry.ts';
import { LoadedWorkflows } from '../../../src/workflow-composition/registry/workflow-table.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { type LineLanguage, lineLanguage } from './line-language.ts';

const FUNCTIONS = ['resize', 'notify', 'a', 'b'];

class Host {
  readonly #openStore: () => Promise<Store>;
  readonly languages: [LineLanguage, LineLanguage] = [lineLanguage('code'), lineLanguage('fission')];
  /** `name@version` of those that an execution needs. */
  readonly inUse = new Set<string>();
  readonly faults: string[] = [];
  #close: (() => Promise<void>) | undefined;
  isBroken = false;
  database = undefined as unknown as KeyValueStore;
  table = undefined as unknown as LoadedWorkflows;
  registry = undefined as unknown as ActorRef<WorkflowRegistryMessages>;

  constructor(openStore: () => Promise<Store>) {
    this.#openStore = openStore;
  }

  async restart(): Promise<void> {
    await this.close();
    const store = await this.#openStore();
    const database = store.database('workflows');
    const clock = new VirtualClock(1_000);
    const system = new ActorSystem({ clock });
    this.database = {
      get: (key) => database.get(key),
      range: (options) => database.range(options),
      commit: (operations) =>
        this.isBroken ? Promise.reject(new TroupeError('STORE_WRITE_FAILED', 'disk')) : database.commit(operations),
    };
    this.table = new LoadedWorkflows(this.languages);
    this.registry = system.spawn(
      workflowRegistryActor({
        store: this.database,
        table: this.table,
        clock,
        functionExists: (name) => FUNCTIONS.includes(name),
        functionNames: () => FUNCTIONS,
        inUse: (name, version) => this.inUse.has(`${name}@${version}`),
        onFault: (fault) => this.faults.push(fault),
      }),
    );
    // Whoever is asked has started.
    await this.registry.ask('list', undefined);
    this.#close = async () => {
      await system.stop(this.registry);
      await store.close();
    };
  }

  async close(): Promise<void> {
    await this.#close?.();
    this.#close = undefined;
  }

  deploy(name: string, source: string, file = 'order.wf.yaml') {
    return this.registry.ask('deploy', { name, source, file });
  }

  async versions(name: string): Promise<readonly number[]> {
    return (await this.registry.ask('describe', { name })).versions.map(({ version }) => version);
  }
}

describe.each(['memory', 'lmdb'] as const)('the workflow registry on %s', (driver) => {
  let host: Host;
  beforeEach(async () => {
    const memory: Memory = new Map();
    const dataDir = driver === 'lmdb' ? await temporaryDirectory() : '';
    host = new Host(() => (driver === 'memory' ? openMemoryStore({ memory }) : openLmdbStore({ dataDir })));
    await host.restart();
  });
  afterEach(() => host.close());

  it('numbers versions, moves current, and has it all after a restart, compiled only when asked for', async () => {
    const first = await host.deploy('order', 'resize');
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
    const version = { name: 'order', version: 1, language: 'fission', source: 'resize', sha256, createdAtMs: 1_000 };
    expect(first).toEqual({ isNew: true, version });
    await host.deploy('order', 'notify', 'order.txt');
    await host.registry.ask('setAlias', { name: 'order', alias: 'stable', version: 1 });
    const described = await host.registry.ask('describe', { name: 'order' });
    expect(described.aliases).toEqual({ current: 2, stable: 1 });
    expect(described.versions.map(({ language }) => language)).toEqual(['fission', 'code']);
    await host.restart();
    expect(await host.registry.ask('list', undefined)).toEqual([described]);
    const parsed = host.languages[1].parsed;
    const compiled = host.table.resolve('order', { alias: 'stable' });
    expect(compiled).toMatchObject({
      name: 'order',
      version: 1,
      definition: ['resize'],
      summary: { targets: [{ name: 'resize' }] },
    });
    expect(compiled.language).toBe(host.languages[1]);
    expect(host.table.resolve('order', { version: 1 })).toBe(compiled);
    expect(host.languages[1].parsed).toBe(parsed + 1);
    expect(host.table.resolve('order').version).toBe(2);
    expect([host.table.has('order'), host.table.has('resize'), host.table.names()]).toEqual([true, false, ['order']]);
  });

  it('answers a repeated deploy with the version that exists; the same text in another language is another', async () => {
    await host.deploy('order', 'resize');
    expect(await host.deploy('order', 'resize')).toMatchObject({ isNew: false, version: { version: 1 } });
    await host.restart();
    expect(await host.deploy('order', 'resize')).toMatchObject({ isNew: false, version: { version: 1 } });
    expect(await host.deploy('order', 'resize', 'a.ts')).toMatchObject({ isNew: true, version: { version: 2 } });
    expect(await host.deploy('order', 'resize')).toMatchObject({ isNew: true, version: { version: 3 } });
  });

  it('tells every mistake at once: those of the text, or else every name that is not there', async () => {
    await expect(host.deploy('order', 'resize\n!1\nnobody\n!2')).rejects.toMatchObject({
      code: 'WORKFLOW_INVALID',
      details: { faults: [{ line: 2 }, { line: 4 }] },
    });
    await host.deploy('checkout', 'resize');
    const refused = host.deploy('order', 'resize\nresise\nchekout\nnobody\nnobody');
    await expect(refused).rejects.toMatchObject({ code: 'WORKFLOW_INVALID' });
    const { details, message } = (await refused.catch((error: unknown) => error)) as TroupeError;
    expect((details['faults'] as { message: string }[]).map((fault) => fault.message)).toEqual([
      'line 2 runs "resise", but no function or workflow of that name is deployed. Did you mean "resize"?',
      'line 3 runs "chekout", but no function or workflow of that name is deployed. Did you mean "checkout"?',
      'line 4 runs "nobody", but no function or workflow of that name is deployed. Deploy it first.',
    ]);
    expect(message).toContain('order.wf.yaml:3:1');
    expect(host.table.has('order')).toBe(false);
  });

  it('lets a workflow call functions, other workflows, and itself', async () => {
    await host.deploy('inner', 'resize');
    expect(await host.deploy('outer', 'inner\nouter\nnotify')).toMatchObject({ isNew: true });
  });

  it('refuses names and sources that it cannot have, and changes nothing', async () => {
    await host.deploy('order', 'resize');
    const before = [...host.database.range()];
    const { registry } = host;
    await expect(host.deploy('resize', 'notify')).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await expect(host.deploy('../up', 'notify')).rejects.toMatchObject({ code: 'INVALID_NAME' });
    await expect(host.deploy('long', 'a'.repeat(MAX_SOURCE_BYTES + 1))).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    await expect(host.deploy('none', 7 as unknown as string)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const refusals = [
      [registry.ask('setAlias', { name: 'order', alias: 'x', version: 9 }), 'VERSION_NOT_FOUND'],
      [registry.ask('setAlias', { name: 'odrer', alias: 'x', version: 1 }), 'WORKFLOW_NOT_FOUND'],
      [registry.ask('setAlias', { name: 'order', alias: '12', version: 1 }), 'INVALID_NAME'],
      [registry.ask('removeAlias', { name: 'order', alias: 'current' }), 'CONFLICT'],
      [registry.ask('removeAlias', { name: 'order', alias: 'x' }), 'ALIAS_NOT_FOUND'],
      [registry.ask('remove', { name: 'nobody' }), 'WORKFLOW_NOT_FOUND'],
      [registry.ask('describe', { name: '__proto__' }), 'INVALID_NAME'],
    ] as const;
    for (const [refused, code] of refusals) await expect(refused).rejects.toMatchObject({ code });
    expect([...host.database.range()]).toEqual(before);
    const codeOf = (which: Parameters<LoadedWorkflows['resolve']>) => {
      try {
        return host.table.resolve(...which).version;
      } catch (error) {
        return (error as TroupeError).code;
      }
    };
    expect(codeOf(['odrer'])).toBe('WORKFLOW_NOT_FOUND');
    expect(codeOf(['order', { version: 9 }])).toBe('VERSION_NOT_FOUND');
    expect(codeOf(['order', { alias: 'x' }])).toBe('ALIAS_NOT_FOUND');
    expect(codeOf(['order', { version: 1, alias: 'x' }])).toBe(1);
    expect(() => host.table.resolve('ordr')).toThrow('Did you mean "order"?');
  });

  it('rolls back by moving current, and takes an alias away', async () => {
    await host.deploy('order', 'resize');
    await host.deploy('order', 'notify');
    await host.registry.ask('setAlias', { name: 'order', alias: 'current', version: 1 });
    await host.registry.ask('setAlias', { name: 'order', alias: 'next', version: 2 });
    expect(host.table.resolve('order').version).toBe(1);
    await host.registry.ask('removeAlias', { name: 'order', alias: 'next' });
    await host.restart();
    expect((await host.registry.ask('describe', { name: 'order' })).aliases).toEqual({ current: 1 });
  });

  it('lets the oldest versions go, but none with an alias and none that an execution needs', async () => {
    for (let number = 1; number <= 4; number++) await host.deploy('order', `${'\n'.repeat(number)}a`);
    await host.registry.ask('setAlias', { name: 'order', alias: 'stable', version: 1 });
    host.inUse.add('order@3');
    for (let number = 5; number <= KEPT_VERSIONS + 4; number++) await host.deploy('order', `${'\n'.repeat(number)}a`);
    expect((await host.versions('order')).slice(0, 4)).toEqual([1, 3, 4, 5]);
    host.inUse.clear();
    await host.deploy('order', 'b');
    await host.restart();
    expect((await host.versions('order')).slice(0, 3)).toEqual([1, 5, 6]);
    expect(() => host.table.resolve('order', { version: 3 })).toThrow(
      expect.objectContaining({ code: 'VERSION_NOT_FOUND' }),
    );
  });

  it('never gives a number twice, also after the workflow was removed and the host restarted', async () => {
    await host.deploy('order', 'resize');
    await host.registry.ask('remove', { name: 'order' });
    expect(host.table.has('order')).toBe(false);
    await host.restart();
    expect(await host.registry.ask('list', undefined)).toEqual([]);
    expect([...host.database.range()].map(({ key }) => key)).toEqual([workflowKeys.counter('order')]);
    expect((await host.deploy('order', 'resize')).version.version).toBe(2);
    expect(await host.versions('order')).toEqual([2]);
  });

  it('keeps of a removed workflow what an execution needs, found by number only, until that has ended', async () => {
    await host.deploy('order', 'resize');
    await host.deploy('order', 'notify');
    host.inUse.add('order@1');
    await host.registry.ask('remove', { name: 'order' });
    for (let round = 0; round < 2; round++) {
      expect(host.table.resolve('order', { version: 1 }).definition).toEqual(['resize']);
      expect([host.table.has('order'), host.table.names()]).toEqual([false, []]);
      for (const which of [{}, { version: 2 }, { alias: 'current' }]) {
        expect(() => host.table.resolve('order', which)).toThrow(
          expect.objectContaining({ code: 'WORKFLOW_NOT_FOUND' }),
        );
      }
      await expect(host.registry.ask('describe', { name: 'order' })).rejects.toMatchObject({
        code: 'WORKFLOW_NOT_FOUND',
      });
      await expect(host.registry.ask('remove', { name: 'order' })).rejects.toMatchObject({
        code: 'WORKFLOW_NOT_FOUND',
      });
      await expect(host.deploy('other', 'order')).rejects.toMatchObject({ code: 'WORKFLOW_INVALID' });
      await host.restart();
    }
    host.inUse.clear();
    await host.deploy('other', 'resize');
    expect(() => host.table.resolve('order', { version: 1 })).toThrow(
      expect.objectContaining({ code: 'WORKFLOW_NOT_FOUND' }),
    );
    await host.restart();
    expect(host.table.entry('order')).toBeUndefined();
    expect(host.faults).toEqual([]);
  });

  it('says when it is asked for a version that does not compile any more, and serves the others', async () => {
    await host.deploy('order', 'resize');
    await host.deploy('order', 'notify');
    await host.deploy('code', 'resize', 'a.ts');
    host.languages[1].refuses = 'resize';
    await host.restart();
    expect(host.faults).toEqual([]);
    expect(() => host.table.resolve('order', { version: 1 })).toThrow(
      expect.objectContaining({
        code: 'WORKFLOW_INVALID',
        message: expect.stringMatching(/^Version 1 of workflow "order" is stored but does not compile any more/),
        details: { name: 'order', version: 1, faults: [{ message: 'Wrong: resize', line: 1, column: 1 }] },
      }),
    );
    expect(host.table.resolve('order').version).toBe(2);
    host.languages.shift();
    await host.restart();
    expect(() => host.table.resolve('code')).toThrow(/its language, code, is not one/);
    await expect(host.registry.ask('list', undefined)).resolves.toHaveLength(2);
  });

  it('leaves out what cannot be understood, mends the aliases, says so once, and serves the rest', async () => {
    for (const source of ['resize', 'notify', 'a']) await host.deploy('order', source);
    await host.registry.ask('setAlias', { name: 'order', alias: 'beta', version: 3 });
    await host.deploy('other', 'resize');
    await host.deploy('third', 'resize');
    await host.registry.ask('setAlias', { name: 'third', alias: 'odd', version: 1 });
    await host.database.commit([
      { kind: 'put', key: workflowKeys.version('order', 3), value: { source: 7 } },
      { kind: 'delete', key: workflowKeys.version('other', 1) },
      { kind: 'put', key: workflowKeys.alias('third', 'odd'), value: 'text' },
      { kind: 'put', key: workflowKeys.counter('third'), value: 'text' },
    ]);
    await host.restart();
    expect(host.table.names()).toEqual(['order', 'third']);
    expect(await host.registry.ask('describe', { name: 'order' })).toMatchObject({ aliases: { current: 2 } });
    expect(host.faults.join('\n')).toMatch(
      /Version 3 of workflow "order" .*\n.*"odd".*\n.*now leads to 2.\n.*"beta".*dropped.\n.*"current" of workflow "other".*dropped/,
    );
    host.faults.length = 0;
    await host.restart();
    expect(host.faults.filter((fault) => !/^Version 3|"odd"/.test(fault))).toEqual([]);
    expect((await host.deploy('other', 'resize')).version.version).toBe(2);
    expect((await host.deploy('third', 'a')).version.version).toBe(2);
  });

  it('answers a failed write with its reason, and goes on from the state before', async () => {
    await host.deploy('order', 'resize');
    host.isBroken = true;
    await expect(host.deploy('order', 'notify')).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    await expect(host.registry.ask('remove', { name: 'order' })).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    expect(host.table.resolve('order').version).toBe(1);
    host.isBroken = false;
    expect((await host.deploy('order', 'notify')).version.version).toBe(2);
  });

  it('keeps its invariants under any sequence of changes, and so does what it stored', async () => {
    const name = fc.constantFrom('x', 'y');
    const alias = fc.constantFrom('current', 'p', 'q');
    const version = fc.integer({ min: 1, max: 4 });
    const step = fc.oneof(
      fc.record({ kind: fc.constant('deploy' as const), name, source: fc.constantFrom('a', 'b', 'a\nb') }),
      fc.record({ kind: fc.constant('setAlias' as const), name, alias, version }),
      fc.record({ kind: fc.constant('removeAlias' as const), name, alias }),
      fc.record({ kind: fc.constant('remove' as const), name }),
      fc.record({ kind: fc.constant('use' as const), name, version }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const memory: Memory = new Map();
        const fresh = new Host(() => openMemoryStore({ memory }));
        await fresh.restart();
        const given = new Map<string, number>();
        for (const each of steps) {
          if (each.kind === 'use') {
            // Only what can be found can be started.
            const isFound = fresh.table.entry(each.name)?.versions.some((stored) => stored.version === each.version);
            if (isFound) fresh.inUse.add(`${each.name}@${each.version}`);
          } else if (each.kind === 'deploy') {
            const { version: deployed, isNew } = await fresh.deploy(each.name, each.source);
            if (isNew) expect(deployed.version).toBe((given.get(each.name) ?? 0) + 1);
            if (isNew) given.set(each.name, deployed.version);
          } else {
            const { kind, ...body } = each;
            const asked = fresh.registry.ask(kind, body as never);
            await asked.catch((error: TroupeError) => expect(error.code).toMatch(/^(\w+_NOT_FOUND|CONFLICT)$/));
          }
          for (const { name: listed, versions, aliases } of await fresh.registry.ask('list', undefined)) {
            const numbers = versions.map((stored) => stored.version);
            expect(Object.keys(aliases)).toContain('current');
            for (const target of Object.values(aliases)) expect(numbers).toContain(target);
            expect(fresh.table.resolve(listed).version).toBe(aliases['current']);
          }
          for (const used of fresh.inUse) {
            const [of = '', number] = used.split('@');
            expect(fresh.table.resolve(of, { version: Number(number) }).version).toBe(Number(number));
          }
        }
        const list = await fresh.registry.ask('list', undefined);
        await fresh.restart();
        expect(await fresh.registry.ask('list', undefined)).toEqual(list);
        for (const used of fresh.inUse) {
          const [of = '', number] = used.split('@');
          expect(fresh.table.resolve(of, { version: Number(number) }).version).toBe(Number(number));
        }
        expect(fresh.faults).toEqual([]);
        await fresh.close();
      }),
      { numRuns: 40 },
    );
  });
});
