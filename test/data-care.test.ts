import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { withStoredData } from '../src/data-care.ts';
import { createTroupe, type Troupe } from '../src/index.ts';
import { jobKeys } from '../src/store/keys.ts';
import { openLmdbStore } from '../src/store/lmdb-store.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { until } from './support/until.ts';

const CODE = 'export default async (event) => ({ got: event });';
const FLOW = 'apiVersion: 1\noutput: a\ntasks:\n  a:\n    run: work\n    inputs: "{$.Invocation.Inputs.default}"\n';

async function host(dataDir?: string): Promise<Troupe> {
  const troupe = await createTroupe({ ...(dataDir && { dataDir }), drainTimeoutMs: 0 });
  onTestFinished(() => troupe.close());
  return troupe;
}

async function busyHost(): Promise<{ readonly root: string; readonly troupe: Troupe }> {
  const root = await temporaryDirectory();
  const troupe = await host(join(root, 'data'));
  await troupe.deploy({ name: 'work', source: { code: CODE, language: 'js' } });
  await troupe.workflows.deploy({ name: 'flow', source: { code: FLOW, language: 'yaml' } });
  const ids = await troupe.jobs.enqueueMany('work', [{ payload: 1 }, { payload: 'x'.repeat(20_000) }]);
  for (const { id } of ids) await troupe.jobs.result(id);
  await troupe.enqueue('work', 2, { delayMs: 60_000, orderingKey: 'k' });
  const run = await troupe.workflows.start('flow', { n: 1 }, { id: 'one' });
  await run.result();
  return { root, troupe };
}

describe('A backup', () => {
  it('is made under load, has every job that was acknowledged before, and a host runs from it', async () => {
    const { root, troupe } = await busyHost();
    await troupe.jobs.pause('work');
    const acknowledged: string[] = [];
    let isOver = false;
    const load = (async () => {
      for (let n = 0; !isOver; n++) acknowledged.push((await troupe.enqueue('work', n)).id);
    })();
    await until(() => acknowledged.length >= 50);
    const before = [...acknowledged];
    const done = await troupe.backup(join(root, 'copy'));
    isOver = true;
    await load;
    expect(done).toMatchObject({ directory: join(root, 'copy') });
    expect(done.bytes).toBeGreaterThan(1_000);
    await troupe.close();

    expect(await withStoredData(join(root, 'copy'), (care) => care.check())).toMatchObject({ isSound: true });
    const copy = await host(join(root, 'copy'));
    for (const id of before) expect(await copy.job(id)).toMatchObject({ id, function: 'work', status: 'waiting' });
    await copy.jobs.resume('work');
    expect(await copy.jobs.result(before[0] ?? '')).toEqual({ got: 0 });
    expect(await copy.invoke('work', 5)).toEqual({ got: 5 });
    expect(await copy.workflows.execution('one').result()).toMatchObject({ got: { n: 1 } });
    expect((await readdir(root)).sort()).toEqual(['copy', 'data']);
  });

  it('has the code of all versions in it, also of one that is removed while it is made', async () => {
    const { root, troupe } = await busyHost();
    const [, report] = await Promise.all([
      troupe.backup(join(root, 'copy')).then(() => troupe.close()),
      troupe.remove('work').then(() => undefined),
    ]);
    expect(report).toBeUndefined();
    expect(await withStoredData(join(root, 'copy'), (care) => care.check())).toMatchObject({ isSound: true });
  });

  it('takes the place of an empty directory, and of nothing else', async () => {
    const { root, troupe } = await busyHost();
    await mkdir(join(root, 'empty'));
    await troupe.backup(join(root, 'empty'));
    await expect(troupe.backup(join(root, 'empty'))).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(troupe.backup(join(root, 'data', 'inside'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(troupe.backup('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await writeFile(join(root, 'file'), '');
    await expect(troupe.backup(join(root, 'file'))).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
    expect((await readdir(root)).sort()).toEqual(['data', 'empty', 'file']);
  });

  it('of a host in memory is refused', async () => {
    const troupe = await host();
    const root = await temporaryDirectory();
    await expect(troupe.backup(join(root, 'copy'))).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await readdir(root)).toEqual([]);
  });

  it('is one at a time', async () => {
    const { root, troupe } = await busyHost();
    const first = troupe.backup(join(root, 'a'));
    await expect(troupe.backup(join(root, 'b'))).rejects.toMatchObject({ code: 'OVERLOADED' });
    await first;
    await troupe.backup(join(root, 'b'));
  });
});

describe('A check', () => {
  it('finds nothing wrong with a host that works, while it works', async () => {
    const { troupe } = await busyHost();
    let isOver = false;
    const load = (async () => {
      while (!isOver) await troupe.enqueue('work', 1, { keepMs: 0, orderingKey: 'one' });
    })();
    const flows = (async () => {
      while (!isOver) await (await troupe.workflows.start('flow', { n: 'x'.repeat(20_000) })).result();
    })();
    for (let times = 0; times < 5; times++) {
      expect(await troupe.check()).toMatchObject({ isSound: true, faults: [], furtherFaults: 0, quarantined: [] });
    }
    isOver = true;
    await Promise.all([load, flows]);
  });

  it('finds nothing wrong with a host in memory either', async () => {
    const troupe = await host();
    await troupe.deploy({ name: 'work', source: { code: CODE, language: 'js' } });
    await troupe.enqueue('work', 1);
    const { isSound, records } = await troupe.check();
    expect({ isSound, jobs: (records['jobs'] ?? 0) > 0 }).toEqual({ isSound: true, jobs: true });
  });

  it('names code that is damaged, and code that is missing', async () => {
    const { root, troupe } = await busyHost();
    await troupe.deploy({ name: 'other', source: { code: `${CODE} // other\nexport const a = 1;`, language: 'js' } });
    const hashes = await Promise.all(
      ['work', 'other'].map(async (name) => (await troupe.describe(name)).versions[0]?.artifact.hash ?? ''),
    );
    await troupe.close();
    const [damaged = '', missing = ''] = hashes.map((hash) => join(root, 'data', 'artifacts', hash));
    await writeFile(join(damaged, 'function.cjs'), `${await readFile(join(damaged, 'function.cjs'))}//`);
    await rm(missing, { recursive: true });
    const { isSound, faults } = await withStoredData(join(root, 'data'), (care) => care.check());
    expect(isSound).toBe(false);
    expect(faults.map(({ database, reason }) => `${database}: ${reason}`).sort()).toEqual([
      expect.stringMatching(
        /^functions: The code of version 1 of "other", .* is missing or damaged\. Deploy it again\.$/,
      ),
      expect.stringMatching(/^functions: The code of version 1 of "work", /),
    ]);
  });

  it('names jobs and executions that are not listed as they should be', async () => {
    const { root, troupe } = await busyHost();
    const [delayed] = await troupe.jobs.list({ status: 'delayed' });
    const id = delayed?.id ?? '';
    await troupe.close();
    const store = await openLmdbStore({ dataDir: join(root, 'data') });
    const jobs = store.database('jobs');
    await jobs.commit([
      { kind: 'delete', key: jobKeys.due('work', delayed?.dueAtMs ?? 0, id) },
      { kind: 'put', key: jobKeys.ready('work', 1, 99), value: 'nobody' },
      { kind: 'put', key: jobKeys.kept(5, id), value: 'work' },
      { kind: 'put', key: jobKeys.job('strange'), value: { other: true } },
    ]);
    const executions = store.database('executions');
    for (const { key } of [...executions.range({ prefix: ['ended'] })])
      await executions.commit([{ kind: 'delete', key }]);
    await executions.commit([{ kind: 'put', key: ['event', 'lost', 1], value: { type: 'executionPaused', atMs: 1 } }]);
    await store.close();
    const { faults } = await withStoredData(join(root, 'data'), (care) => care.check());
    expect(faults.map(({ database, reason }) => `${database}: ${reason}`).sort()).toEqual([
      'executions: Event 0 of execution "lost" is damaged or missing: its journal cannot be read.',
      'executions: Execution one has a journal and is in no list.',
      `jobs: Job ${id} (delayed) is listed under kept/5/${id} and should not be.`,
      `jobs: Job ${id} (delayed) is not listed under due/work/${delayed?.dueAtMs}/${id}.`,
      'jobs: Job nobody is listed under ready/work/1/99 and has no record.',
      'jobs: The record of job strange cannot be understood.',
    ]);
  });

  it('of a directory that is no data directory is refused, and creates nothing', async () => {
    const root = await temporaryDirectory();
    await expect(withStoredData(join(root, 'nope'), (care) => care.check())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await readdir(root)).toEqual([]);
  });
});
