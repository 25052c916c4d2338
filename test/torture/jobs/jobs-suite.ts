/**
 * The host is killed at random moments under a load of enqueues, retries, delays, cancels, schedules and events, and started again on the same data: what was acknowledged
 * is there, in exactly one state, and ends once, in order.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Random, seededRandom } from '../../../src/kernel/random.ts';
import { until } from '../../support/until.ts';
import { between, pick } from '../support/chance.ts';
import type { Findings } from '../support/findings.ts';
import { type Answer, HostProcess } from '../support/host-process.ts';
import type { Round, Suite, SuiteRun } from '../support/suite.ts';
import { type JobDisk, JobDiskReader } from './job-disk.ts';

const PROGRAM = 'jobs-host';
const ENDED = new Set(['succeeded', 'failed', 'cancelled']);
const END_LIMIT_MS = 30_000;
/** Kills are attempts: enough of them that no job dies of those. */
const MANY_ATTEMPTS = 100;
const TURNS = 24;
/** Lanes 0 to 2 enqueue with an ordering key each. What these enqueue is held to limits of keys, to a rate, and run in batches. */
const FREE_LANE = 3;
const RATED_LANE = 4;
const MANY_LANE = 5;
/** Of all that is rated. */
const RATE = { max: 4, perMs: 100 };
/** Of one limit key, at a time. */
const PER_TENANT = 2;

interface Bench {
  readonly paths: Readonly<Record<'data' | 'notes', string>>;
  readonly reader: JobDiskReader;
  readonly sums: { acknowledged: number; kills: number; runs: number };
}

interface Known {
  readonly id: string;
  readonly n: number;
  readonly orderingKey: string | undefined;
  isCancelled: boolean;
}

export const jobsSuite: Suite = {
  name: 'jobs',
  purpose:
    'the host killed at random moments under jobs: what is acknowledged is there, in one state, and ends once, in order',
  roundLimitMs: 120_000,
  async open({ root, directory }): Promise<SuiteRun> {
    const bench: Bench = {
      paths: { data: join(directory, 'data'), notes: join(directory, 'notes') },
      reader: await JobDiskReader.make(root, join(directory, 'copy')),
      sums: { acknowledged: 0, kills: 0, runs: 0 },
    };
    return {
      round: (round) => playRound(bench, round),
      async close() {
        const { acknowledged, kills, runs } = bench.sums;
        return [`${acknowledged} jobs acknowledged, ${runs} runs of them, ${kills} kills`];
      },
    };
  },
};

async function playRound({ paths, reader, sums }: Bench, { seed, findings }: Round): Promise<string> {
  const random = seededRandom(seed);
  await rm(paths.data, { recursive: true, force: true });
  await rm(paths.notes, { force: true });
  const known = new Map<string, Known>();
  const published = new Set<string>();
  const lives = between(random, 1, 3);
  let disk: JobDisk | undefined;
  // Loads its program while its predecessor lives: starts of Node would be most of a round.
  let next = new HostProcess(PROGRAM);
  for (let life = 0; life <= lives; life++) {
    const host = next;
    try {
      await host.begin({ dataDir: paths.data, notes: paths.notes });
      if (!(await host.isUp())) throw new Error(`The host ended before it was up: ${host.stderr}`);
      if (life < lives) {
        next = new HostProcess(PROGRAM);
        const load = underLoad(host, random, { known, published, life });
        await new Promise((resolve) => setTimeout(resolve, between(random, 10, 500)));
        host.kill();
        await Promise.all([load, host.ended]);
      } else {
        const silenced = await host.request('silence');
        findings.check(
          silenced.kind === 'value',
          () => `the schedules could not be removed: ${JSON.stringify(silenced)}`,
        );
        await until(() => allEnded(host), { timeoutMs: END_LIMIT_MS, intervalMs: 50 });
        const endedBy = await host.stop();
        findings.check(endedBy === '0', () => `the last host ended with ${endedBy}: ${host.stderr}`);
      }
    } catch (thrown) {
      next.kill();
      throw thrown;
    } finally {
      host.kill();
      await host.ended;
    }
    const now = await reader.read(paths.data);
    judge(findings, { known, before: disk, now, isLast: life === lives, life });
    disk = now;
  }
  const notes = await notesIn(paths.notes);
  judgeNotes(findings, { notes, known, published });
  const runs = notes.filter(({ what }) => what === 'begin');
  sums.acknowledged += known.size;
  sums.kills += lives;
  sums.runs += runs.length;
  return `${known.size} jobs and ${published.size} events acknowledged, ${runs.length} runs, ${lives} kills`;
}

/** Until the host is gone: what it has acknowledged is known. */
async function underLoad(
  host: HostProcess,
  random: Random,
  {
    known,
    published,
    life,
  }: { readonly known: Map<string, Known>; readonly published: Set<string>; readonly life: number },
): Promise<void> {
  const lanes = Array.from({ length: 6 }, async (_, lane) => {
    for (let turn = 0; turn < TURNS; turn++) {
      // Of one key only one lane enqueues, so that there is an order to be kept.
      const orderingKey = lane < 3 ? `key-${lane}` : undefined;
      const jobs = Array.from({ length: between(random, 1, 4) }, (_, index) => {
        const n = ((life * 10 + lane) * 100 + turn) * 10 + index;
        return { n, ...jobOf(random, { n, orderingKey, mayBeLimited: lane === FREE_LANE }) };
      });
      const name = lane === MANY_LANE ? 'many' : lane === RATED_LANE ? 'rated' : 'work';
      const ids = idsIn(await host.request('enqueue', { name, jobs: jobs.map(({ n: _, ...job }) => job) }));
      if (!ids) return;
      for (const [index, id] of ids.entries()) {
        const { n } = jobs[index] as { n: number };
        known.set(id, { id, n, orderingKey, isCancelled: false });
        if (orderingKey !== undefined || random() > 0.1) continue;
        const answer = await host.request('cancel', { id });
        const job = known.get(id);
        if (job && answer.kind === 'value' && answer.value === 'cancelled') job.isCancelled = true;
      }
    }
  });
  await Promise.all([...lanes, publishing(host, random, { published, life })]);
}

async function publishing(
  host: HostProcess,
  random: Random,
  { published, life }: { readonly published: Set<string>; readonly life: number },
): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    const events = Array.from({ length: between(random, 1, 3) }, (_, index) => ({
      id: `${life}-${turn}-${index}`,
      type: index === 2 ? 'other' : 'order.placed',
      source: '/torture',
    }));
    const answer = await host.request('publish', { events });
    if (answer.kind !== 'value') return;
    for (const { id, type } of events) if (type !== 'other') published.add(id);
    // Twice: the second one is the first.
    if (random() < 0.2) await host.request('publish', { events });
  }
}

interface NewJob {
  readonly n: number;
  readonly orderingKey: string | undefined;
  readonly mayBeLimited: boolean;
}

function jobOf(random: Random, { n, orderingKey, mayBeLimited }: NewJob) {
  const failures = random() < 0.2 ? between(random, 1, 3) : 0;
  const isLimited = orderingKey === undefined && mayBeLimited && random() < 0.5;
  const limitKey = isLimited ? pick(random, ['tenant-a', 'tenant-b']) : undefined;
  const payload = { n, failures, ms: random() < 0.3 ? between(random, 1, 20) : 0, tenant: limitKey };
  const common = { payload, maxAttempts: MANY_ATTEMPTS, backoff: between(random, 1, 30) };
  if (orderingKey !== undefined) return { ...common, orderingKey };
  return {
    ...common,
    ...(limitKey !== undefined && { limitKey }),
    priority: pick(random, ['high', 'normal', 'background'] as const),
    ...(random() < 0.2 && { delayMs: between(random, 1, 300) }),
  };
}

function idsIn(answer: Answer): string[] | undefined {
  return answer.kind === 'value' ? (answer.value as { readonly id: string }[]).map(({ id }) => id) : undefined;
}

async function allEnded(host: HostProcess): Promise<boolean> {
  const answer = await host.request('queues');
  if (answer.kind !== 'value') return false;
  const queues = answer.value as { readonly counts: Readonly<Record<string, number>> }[];
  return queues.every(({ counts }) =>
    Object.entries(counts).every(([status, count]) => ENDED.has(status) || count === 0),
  );
}

interface Look {
  readonly known: ReadonlyMap<string, Known>;
  readonly before: JobDisk | undefined;
  readonly now: JobDisk;
  readonly isLast: boolean;
  readonly life: number;
}

function judge(findings: Findings, { known, before, now, isLast, life }: Look): void {
  const at = `life ${life}`;
  for (const fault of now.faults) findings.add(`${at}: ${fault}`);
  for (const { id, isCancelled } of known.values()) {
    const job = now.jobs.get(id);
    findings.check(job !== undefined, () => `${at}: job ${id} was acknowledged and is not there`);
    if (isCancelled)
      findings.check(job?.status === 'cancelled', () => `${at}: job ${id} was cancelled and is ${job?.status}`);
  }
  for (const [id, { status, endedAtMs }] of before?.jobs ?? []) {
    const job = now.jobs.get(id);
    if (!ENDED.has(status)) continue;
    findings.check(job?.endedAtMs === endedAtMs, () => `${at}: job ${id} had ended and has ended again`);
  }
  if (!isLast) return;
  judgeRate(findings, now);
  for (const [id, { status, errors }] of now.jobs) {
    const why = errors?.at(-1)?.error.message ?? 'nobody knows why';
    findings.check(
      status === 'succeeded' || status === 'cancelled',
      () => `job ${id} has come to be ${status}: ${why}`,
    );
  }
}

interface RunNote {
  readonly what: 'begin' | 'end';
  readonly kind: 'work' | 'beat' | 'react';
  /** Of a job; of a time of a schedule; of an event. */
  readonly n: number | string;
  readonly pid: number;
  readonly atMs: number;
  /** A limit key, or a schedule. */
  readonly tenant?: string;
  readonly key: string;
}

async function notesIn(path: string): Promise<RunNote[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

interface Noted {
  readonly notes: readonly RunNote[];
  readonly known: ReadonlyMap<string, Known>;
  readonly published: ReadonlySet<string>;
}

function judgeNotes(findings: Findings, { notes, known, published }: Noted): void {
  const begun = (kind: RunNote['kind']) => notes.filter((note) => note.kind === kind && note.what === 'begin');
  judgeOrder(findings, known, begun('work'));
  judgeAtOnce(findings, notes);
  const reacted = new Map<unknown, string>();
  for (const kind of ['beat', 'react'] as const) {
    const keys = new Map<string, string>();
    for (const { n, tenant = '', key } of begun(kind)) {
      const what = `${tenant} ${n}`;
      findings.check((keys.get(what) ?? key) === key, () => `${kind} ${what} ran as ${keys.get(what)} and as ${key}`);
      keys.set(what, key);
      if (kind === 'react') reacted.set(n, key);
    }
  }
  for (const id of published)
    findings.check(reacted.has(id), () => `event ${id} was acknowledged, and its trigger started nothing`);
}

/** Of one limit key, and of a schedule that does not overlap, no more at a time than may be. A host that was killed leaves some without an end. */
function judgeAtOnce(findings: Findings, notes: readonly RunNote[]): void {
  const open = new Map<string, number>();
  for (const { what, kind, n, pid, tenant } of notes) {
    if (tenant === undefined || tenant === 'allow') continue;
    const most = kind === 'beat' ? 1 : PER_TENANT;
    const key = `${pid} ${tenant}`;
    const count = (open.get(key) ?? 0) + (what === 'begin' ? 1 : -1);
    open.set(key, count);
    findings.check(count <= most, () => `of ${tenant}, ${n} began while ${count - 1} others ran`);
  }
}

/** Across hosts too. By when the queue began them: how long a function takes to come up is not the queue's. */
function judgeRate(findings: Findings, { jobs }: JobDisk): void {
  const rated = [...jobs.values()].filter(({ queue }) => queue === 'rated');
  const startsMs = rated.flatMap(({ startedAtMs }) => startedAtMs ?? []).sort((one, other) => one - other);
  for (const [index, startMs] of startsMs.entries()) {
    const spanMs = startMs - (startsMs[index - RATE.max] ?? Number.NEGATIVE_INFINITY);
    findings.check(spanMs >= RATE.perMs, () => `${RATE.max + 1} that are rated began within ${spanMs} ms`);
  }
}

/** Of one key, one that comes later has not run before one that comes earlier had its last run. */
function judgeOrder(findings: Findings, known: ReadonlyMap<string, Known>, begun: readonly RunNote[]): void {
  const keyOf = new Map([...known.values()].map(({ n, orderingKey }) => [n, orderingKey]));
  const latest = new Map<string, number>();
  for (const note of begun) {
    const n = Number(note.n);
    const orderingKey = keyOf.get(n);
    if (orderingKey === undefined) continue;
    const last = latest.get(orderingKey) ?? -1;
    findings.check(n >= last, () => `of ${orderingKey}, ${n} ran after ${last} had`);
    latest.set(orderingKey, Math.max(last, n));
  }
}
