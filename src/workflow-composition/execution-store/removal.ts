/**
 * Takes rows of executions away. What is a commit or less goes at once; of more, the first event goes and a note is left in the commit that decides
 * it, after which nobody sees the execution any more, and the rest goes bit by bit: at once, or after a crash (invariant 7).
 */
import { executionKeys } from '../../store/keys.ts';
import type { Key, KeyValueStore, Operation } from '../../store/protocol.ts';

/** One commit runs without a turn of the event loop: 1,000 operations take about 3 ms. */
export const MAX_OPERATIONS = 1_000;

/** Operations that take events and values away, or begin to: then `isPartial`, and `sweep` does the rest. */
export function removalOf(
  store: KeyValueStore,
  id: string,
): { readonly operations: readonly Operation[]; readonly isPartial: boolean } {
  const rows = someRows(store, id);
  const isPartial = rows.length === MAX_OPERATIONS;
  const operations: Operation[] = rows.map((key) => ({ kind: 'delete', key }));
  if (isPartial) operations.push({ kind: 'put', key: executionKeys.leftover(id), value: true });
  return { operations, isPartial };
}

/** Finishes every removal that was begun. */
export async function sweep(store: KeyValueStore): Promise<void> {
  for (;;) {
    const [next] = store.range({ prefix: executionKeys.leftovers, limit: 1 });
    if (!next) return;
    const rows = someRows(store, String(next.key[1]));
    const operations: Operation[] = rows.map((key) => ({ kind: 'delete', key }));
    if (rows.length < MAX_OPERATIONS) operations.push({ kind: 'delete', key: next.key });
    await store.commit(operations);
  }
}

/** Those of the journal first, from its beginning; the damaged ones too. */
function someRows(store: KeyValueStore, id: string): Key[] {
  const keys: Key[] = [];
  for (const prefix of [executionKeys.eventsOf(id), executionKeys.valuesOf(id)]) {
    const onDamaged = (key: Key) => {
      if (keys.length < MAX_OPERATIONS) keys.push(key);
    };
    if (keys.length >= MAX_OPERATIONS) break;
    for (const { key } of store.range({ prefix, limit: MAX_OPERATIONS - keys.length, onDamaged })) {
      if (keys.length >= MAX_OPERATIONS) break;
      keys.push(key);
    }
  }
  return keys;
}
