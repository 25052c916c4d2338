/** What a killed host has left of its jobs, read from a copy of its data. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JobRecord } from '../../../src/ecosystem/event-management/jobs/job-record.ts';
import type { JobStore } from '../../../src/ecosystem/event-management/jobs/job-store.ts';
import type { openLmdbStore } from '../../../src/store/lmdb-store.ts';

export interface JobDisk {
  readonly jobs: ReadonlyMap<string, JobRecord>;
  readonly faults: readonly string[];
}

export class JobDiskReader {
  readonly #openStore: typeof openLmdbStore;
  readonly #Jobs: typeof JobStore;
  readonly #scratch: string;

  private constructor(openStore: typeof openLmdbStore, Jobs: typeof JobStore, scratch: string) {
    this.#openStore = openStore;
    this.#Jobs = Jobs;
    this.#scratch = scratch;
  }

  /** With the code of the package under torture, which has no other way to its files. */
  static async make(root: string, scratch: string): Promise<JobDiskReader> {
    const part = (path: string) => import(pathToFileURL(join(root, 'dist', path)).href);
    const { openLmdbStore: openStore } = await part('store/lmdb-store.js');
    const { JobStore: Jobs } = await part('ecosystem/event-management/jobs/job-store.js');
    return new JobDiskReader(openStore, Jobs, scratch);
  }

  /** Only while no host has it open. */
  async read(dataDir: string): Promise<JobDisk> {
    await rm(this.#scratch, { recursive: true, force: true });
    await mkdir(join(this.#scratch, 'store'), { recursive: true });
    await copyFile(join(dataDir, 'store/data.mdb'), join(this.#scratch, 'store/data.mdb'));
    const store = await this.#openStore({ dataDir: this.#scratch });
    try {
      const reader = new this.#Jobs(store.database('jobs'));
      const jobs = new Map(Array.from(reader.list({}), ({ id, record }) => [id, record]));
      const faults = [...reader.faults()];
      for (const { key } of store.quarantined()) faults.push(`quarantined: ${key.join('/')}`);
      return { jobs, faults };
    } finally {
      await store.close();
    }
  }
}
