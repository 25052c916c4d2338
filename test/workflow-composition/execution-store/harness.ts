/** An execution store on either driver, that can be closed and opened again, and damaged. */
import { openLmdbStore } from '../../../src/store/lmdb-store.ts';
import { type Memory, openMemoryStore } from '../../../src/store/memory-store.ts';
import type { KeyValueStore, Store } from '../../../src/store/protocol.ts';
import type { ExecutionEvent } from '../../../src/workflow-composition/events.ts';
import { DurableExecutionStore } from '../../../src/workflow-composition/execution-store/execution-store.ts';
import type { ExecutionSummary, OpenExecution } from '../../../src/workflow-composition/execution-store/protocol.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { started, succeeded } from '../events.ts';

export const DRIVERS = ['memory', 'lmdb'] as const;
export type Driver = (typeof DRIVERS)[number];

export class Bench {
  readonly #open: () => Promise<Store>;
  #store: Store | undefined;
  executions = undefined as unknown as DurableExecutionStore;
  database = undefined as unknown as KeyValueStore;
  /** Of the memory driver only. */
  readonly memory: Memory = new Map();

  constructor(open: (memory: Memory) => Promise<Store>) {
    this.#open = () => open(this.memory);
  }

  async reopen(): Promise<void> {
    await this.close();
    this.#store = await this.#open();
    this.database = this.#store.database('executions');
    this.executions = new DurableExecutionStore(this.database);
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = undefined;
  }

  /** Flips a bit of every record whose key begins with these parts. */
  damage(...parts: readonly (string | number)[]): void {
    const rows = this.memory.get('executions') ?? [];
    for (const [index, { key, bytes }] of rows.entries()) {
      if (!parts.every((part, at) => key[at] === part)) continue;
      const flipped = Buffer.from(bytes);
      flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
      rows[index] = { key, bytes: flipped };
    }
  }

  keys(): string[] {
    return [...this.database.range()].map(({ key }) => key.slice(0, 3).join(' '));
  }
}

export async function openBench(driver: Driver): Promise<Bench> {
  const dataDir = driver === 'lmdb' ? await temporaryDirectory() : '';
  const bench = new Bench((memory) => (driver === 'memory' ? openMemoryStore({ memory }) : openLmdbStore({ dataDir })));
  await bench.reopen();
  return bench;
}

export function open(id: string, overrides: Partial<OpenExecution> = {}): OpenExecution {
  return { id, workflow: 'order', version: 1, startedAtMs: 1_000, isWaiting: false, status: 'running', ...overrides };
}

export function summary(id: string, overrides: Partial<ExecutionSummary> = {}): ExecutionSummary {
  const times = { startedAtMs: 1_000, endedAtMs: 1_900 };
  return {
    id,
    workflow: 'order',
    version: 1,
    status: 'succeeded',
    durability: 'strict',
    steps: 1,
    ...times,
    ...overrides,
  };
}

/** Bytes come back as Buffers, and comparing them one by one takes long: they are shown as text. */
export function plain(events: readonly ExecutionEvent[] | undefined): unknown {
  return events?.map((event) =>
    Object.fromEntries(
      Object.entries(event).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
      ]),
    ),
  );
}

/** One that has ended: its start, its steps, its end. */
export async function runToEnd(
  { executions }: Bench,
  id: string,
  {
    steps = [succeeded('a')],
    ...overrides
  }: Partial<Omit<ExecutionSummary, 'steps'>> & { steps?: ExecutionEvent[] } = {},
): Promise<readonly ExecutionEvent[]> {
  const ended = summary(id, overrides);
  const { workflow, startedAtMs, endedAtMs: atMs = startedAtMs, status } = ended;
  const last: ExecutionEvent =
    status === 'succeeded'
      ? { type: 'executionSucceeded', outputOf: 'a', atMs }
      : status === 'failed'
        ? { type: 'executionFailed', error: { name: 'Error', message: 'no' }, atMs }
        : { type: 'executionCancelled', reason: 'enough', atMs };
  const events = [started({ workflow, atMs: startedAtMs }), ...steps, last];
  await executions.append({
    id,
    expectedLength: 0,
    events: events.slice(0, -1),
    open: open(id, { workflow, startedAtMs }),
  });
  await executions.append({ id, expectedLength: events.length - 1, events: [last], open: undefined, ended });
  return events;
}
