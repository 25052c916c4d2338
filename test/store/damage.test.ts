import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import { type Memory, openMemoryStore } from '../../src/store/memory-store.ts';
import type { Key, QuarantinedRecord } from '../../src/store/protocol.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Turns one bit of a record on disk: `mark` is text that occurs in its value and nowhere else. The file may hold old copies of it. */
function damage(dataDir: string, mark: string): void {
  const path = join(dataDir, 'store', 'data.mdb');
  const content = readFileSync(path);
  const descriptor = openSync(path, 'r+');
  for (let at = content.indexOf(mark); at >= 0; at = content.indexOf(mark, at + 1)) {
    writeSync(descriptor, Buffer.from([(content[at] ?? 0) ^ 1]), 0, 1, at);
  }
  closeSync(descriptor);
}

describe('a record that was damaged on disk', () => {
  it('is reported and kept by key, never served, and the others are', async () => {
    const dataDir = await temporaryDirectory();
    const first = await openLmdbStore({ dataDir });
    for (const [key, value] of [
      ['a', 'sound-one'],
      ['b', 'MARK-OF-THE-DAMAGED'],
      ['c', 'sound-two'],
    ] as const) {
      await first.database('settings').commit([{ kind: 'put', key: [key, 1], value }]);
    }
    await first.close();
    damage(dataDir, 'MARK-OF-THE-DAMAGED');

    const reported: QuarantinedRecord[] = [];
    const clock = new VirtualClock(5_000);
    const store = await openLmdbStore({ dataDir, clock, onQuarantine: (record) => reported.push(record) });
    const settings = store.database('settings');
    expect(settings.get(['b', 1])).toBeUndefined();
    expect(Array.from(settings.range({ limit: 2 }), ({ value }) => value)).toEqual(['sound-one', 'sound-two']);
    expect(reported).toMatchObject([
      { database: 'settings', key: ['b', 1], reason: 'its checksum does not match', detectedAtMs: 5_000 },
    ]);
    expect(Buffer.from(reported[0]?.bytes ?? []).toString('latin1')).toContain('ARK-OF-THE-DAMAGED');

    // A new record may take its place; the evidence stays.
    expect((await settings.commit([{ kind: 'put', key: ['b', 1], value: 'new', expect: 'absent' }])).kind).toBe(
      'committed',
    );
    await store.close();
    const again = await openLmdbStore({ dataDir, onQuarantine: (record) => reported.push(record) });
    expect(again.database('settings').get(['b', 1])?.value).toBe('new');
    expect(again.quarantined()).toEqual(reported);
    await again.close();
  });

  it('is named by a scan, which goes on behind it', async () => {
    const dataDir = await temporaryDirectory();
    const first = await openLmdbStore({ dataDir });
    for (const [key, value] of Object.entries({ a: 'sound', b: 'MARK-OF-THE-DAMAGED', c: 'sound' })) {
      await first.database('settings').commit([{ kind: 'put', key: [key, 1], value }]);
    }
    await first.close();
    damage(dataDir, 'MARK-OF-THE-DAMAGED');
    const store = await openLmdbStore({ dataDir });
    const pages = [...store.scan()].filter(({ database }) => database === 'settings');
    const reason = 'its checksum does not match';
    expect(pages).toEqual([
      { database: 'settings', records: 3, damaged: [{ database: 'settings', key: ['b', 1], reason }] },
    ]);
    expect(store.quarantined()).toMatchObject([{ database: 'settings', key: ['b', 1], reason }]);
    await store.close();
  });

  it('ends its stream there, and says where', async () => {
    const dataDir = await temporaryDirectory();
    const first = await openLmdbStore({ dataDir });
    await first.events.append('s', ['zero', 'one', 'MARK-OF-THE-DAMAGED', 'three'], { expectedLength: 0 });
    await first.events.append('t', ['fine'], { expectedLength: 0 });
    await first.close();
    damage(dataDir, 'MARK-OF-THE-DAMAGED');
    const store = await openLmdbStore({ dataDir });
    expect(store.events.read('s')).toEqual({ events: ['zero', 'one'], damagedAt: 2 });
    expect(store.events.read('s', 3)).toEqual({ events: ['three'] });
    expect(store.events.length('s')).toBe(4);
    expect(store.events.read('t')).toEqual({ events: ['fine'] });
    expect(store.quarantined()).toMatchObject([{ database: 'events', key: ['s', 2] }]);
    await store.close();
  });

  it('is found out too when it is whole but lies under the key of another, or is cut short, or is nothing', async () => {
    const memory: Memory = new Map();
    const store = await openMemoryStore({ memory });
    await store
      .database('settings')
      .commit([1, 2, 3, 4].map((key) => ({ kind: 'put', key: [key], value: `value ${key}` }) as const));
    const rows = memory.get('settings') ?? [];
    const bytesOf = (index: number) => rows[index]?.bytes ?? Buffer.alloc(0);
    rows[0] = { key: [1], bytes: bytesOf(1) };
    rows[1] = { key: [2], bytes: bytesOf(2).subarray(0, -1) };
    rows[2] = { key: [3], bytes: Buffer.alloc(0) };
    const damaged: Key[] = [];
    const onDamaged = (key: Key) => damaged.push(key);
    expect(Array.from(store.database('settings').range({ onDamaged }), ({ key }) => key)).toEqual([[4]]);
    expect(damaged).toEqual([[1], [2], [3]]);
    expect(store.stats().quarantined).toBe(3);
  });
});

describe('the schema version', () => {
  it('refuses a newer store, names both versions, and leaves the directory free', async () => {
    const dataDir = await temporaryDirectory();
    await (await openLmdbStore({ dataDir, schemaVersion: 7, migrations: [] })).close();
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(openLmdbStore({ dataDir })).rejects.toMatchObject({
        code: 'SCHEMA_TOO_NEW',
        details: { found: 7, supported: 1 },
      });
    }
    await expect(openLmdbStore({ dataDir })).rejects.toThrow(/schema version 7.*up to 1/);
  });

  it('runs each missing migration once, in order, before anyone else sees the store; one that failed runs again', async () => {
    const memory: Memory = new Map();
    const old = await openMemoryStore({ memory, schemaVersion: 1 });
    await old.database('settings').commit([{ kind: 'put', key: ['greeting'], value: 'hello' }]);
    await old.close();
    let isBroken = true;
    const ran: number[] = [];
    const migrations = [3, 2].map((to) => ({
      to,
      async migrate(store: Awaited<ReturnType<typeof openMemoryStore>>) {
        ran.push(to);
        if (to === 3 && isBroken) throw new Error('power cut');
        const settings = store.database('settings');
        await settings.commit([
          { kind: 'put', key: ['greeting'], value: `${settings.get(['greeting'])?.value}, ${to}` },
        ]);
      },
    }));
    await expect(openMemoryStore({ memory, schemaVersion: 3, migrations })).rejects.toThrow('power cut');
    isBroken = false;
    const store = await openMemoryStore({ memory, schemaVersion: 3, migrations });
    expect(ran).toEqual([2, 3, 3]);
    expect(store.database('settings').get(['greeting'])?.value).toBe('hello, 2, 3');
    await openMemoryStore({ memory, schemaVersion: 3, migrations });
    expect(ran).toHaveLength(3);
  });

  it('survives damage to one of its copies, and refuses to guess when both are damaged', async () => {
    const memory: Memory = new Map();
    await (await openMemoryStore({ memory, schemaVersion: 9 })).close();
    const meta = memory.get('meta') ?? [];
    const destroy = (copy: number) => {
      const index = meta.findIndex(({ key }) => key[0] === 'schema-version' && key[1] === copy);
      meta[index] = { key: ['schema-version', copy], bytes: Buffer.from('damaged') };
    };
    destroy(0);
    await expect(openMemoryStore({ memory })).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW', details: { found: 9 } });
    destroy(1);
    await expect(openMemoryStore({ memory })).rejects.toMatchObject({ code: 'RECORD_CORRUPT' });
  });
});
