/**
 * What a killed host has left on disk, read from a copy: the next host is the first to open what its predecessor left. A journal in memory, or asked
 * for through the API, may have events that no disk has seen yet; this has not.
 */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { openLmdbStore } from '../../../src/store/lmdb-store.ts';
import type { ExecutionEvent } from '../../../src/workflow-composition/events.ts';
import type { DurableExecutionStore } from '../../../src/workflow-composition/execution-store/execution-store.ts';

export interface Disk {
  readonly journals: ReadonlyMap<string, readonly ExecutionEvent[]>;
  /** In the list of unfinished executions. */
  readonly open: ReadonlySet<string>;
  readonly faults: readonly string[];
}

export const EMPTY_DISK: Disk = { journals: new Map(), open: new Set(), faults: [] };

export class DiskReader {
  readonly #openStore: typeof openLmdbStore;
  readonly #Executions: typeof DurableExecutionStore;
  readonly #scratch: string;

  private constructor(openStore: typeof openLmdbStore, Executions: typeof DurableExecutionStore, scratch: string) {
    this.#openStore = openStore;
    this.#Executions = Executions;
    this.#scratch = scratch;
  }

  /** With the code of the package under torture, which has no other way to its files. */
  static async make(root: string, scratch: string): Promise<DiskReader> {
    const part = (path: string) => import(pathToFileURL(join(root, 'dist', path)).href);
    const { openLmdbStore: openStore } = await part('store/lmdb-store.js');
    const { DurableExecutionStore: Executions } = await part('workflow-composition/execution-store/execution-store.js');
    return new DiskReader(openStore, Executions, scratch);
  }

  /** Only while no host has it open. */
  async copy(dataDir: string): Promise<void> {
    await rm(this.#scratch, { recursive: true, force: true });
    await mkdir(join(this.#scratch, 'store'), { recursive: true });
    await copyFile(join(dataDir, 'store/data.mdb'), join(this.#scratch, 'store/data.mdb'));
  }

  async read(): Promise<Disk> {
    const store = await this.#openStore({ dataDir: this.#scratch });
    try {
      const executions = new this.#Executions(store.database('executions'));
      const faults: string[] = [];
      const open = new Set([...executions.open()].map(({ id }) => id));
      const ended = executions.ended({ limit: 1_000 }).map(({ id }) => id);
      for (const id of ended) if (open.has(id)) faults.push(`${id} is in both lists, of the open and the ended`);
      const journals = new Map<string, readonly ExecutionEvent[]>();
      for (const id of [...open, ...ended]) {
        const events = executions.read(id);
        if (events) journals.set(id, events);
        else faults.push(`${id} is listed and has no journal`);
      }
      for (const { database, key } of store.quarantined()) faults.push(`quarantined in ${database}: ${key.join('/')}`);
      return { journals, open, faults };
    } finally {
      await store.close();
    }
  }
}

export const isEnd = ({ type }: Pick<ExecutionEvent, 'type'>): boolean =>
  type === 'executionSucceeded' || type === 'executionFailed' || type === 'executionCancelled';

/** The steps that have ended, well or badly, for good. */
export function settledSteps(events: readonly ExecutionEvent[]): Set<string> {
  return new Set(
    events.flatMap((event) => {
      if (event.type === 'stepSucceeded') return [event.step];
      return event.type === 'stepFailed' && event.retryAtMs === undefined ? [event.step] : [];
    }),
  );
}

/** The same for two events only if they are the same, to the byte. */
export function canonical(event: ExecutionEvent): string {
  return JSON.stringify(event, (_, value) =>
    value?.type === 'Buffer' || value instanceof Uint8Array
      ? Buffer.from(value.data ?? value).toString('base64')
      : value,
  );
}
