import { describe, expect, it } from 'vitest';
import { LogStore } from '../../../src/ecosystem/monitoring/log-store.ts';

const write = (store: LogStore, functionName: string, message: string) =>
  store.append({ instanceId: 'i', functionName, functionVersion: 1 }, { level: 'info', message, wallMs: 0 });

const messages = (lines: readonly { readonly message: string }[]) => lines.map(({ message }) => message);

describe('The log store', () => {
  it('keeps the latest lines, oldest first', () => {
    const store = new LogStore(3);
    for (const message of ['1', '2', '3', '4', '5']) write(store, 'a', message);
    expect(messages(store.latest())).toEqual(['3', '4', '5']);
    expect(messages(store.latest({ limit: 2 }))).toEqual(['4', '5']);
    expect(store.latest().map(({ sequence }) => sequence)).toEqual([2, 3, 4]);
    expect(store.written).toBe(5);
  });

  it('finds the lines of one function', () => {
    const store = new LogStore(10);
    for (const name of ['a', 'b', 'a', 'b']) write(store, name, name);
    expect(messages(store.latest({ functionName: 'b' }))).toEqual(['b', 'b']);
    expect(messages(store.latest({ functionName: 'b', limit: 1 }))).toEqual(['b']);
    expect(store.latest({ functionName: 'c' })).toEqual([]);
  });

  it('calls followers for what comes, of their function, until they leave', () => {
    const store = new LogStore(0);
    const all: string[] = [];
    const some: string[] = [];
    write(store, 'a', 'before');
    const leave = store.follow(undefined, ({ message }) => all.push(message));
    store.follow('b', ({ message }) => some.push(message));
    write(store, 'a', '1');
    write(store, 'b', '2');
    leave();
    write(store, 'b', '3');
    expect([all, some]).toEqual([
      ['1', '2'],
      ['2', '3'],
    ]);
    expect(store.latest()).toEqual([]);
  });
});
