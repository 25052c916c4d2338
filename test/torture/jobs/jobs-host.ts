/** The host under torture, as a program: takes requests as lines on its standard input, answers in lines on its standard output. */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createTroupe, type EnqueueOptions, type NewCloudEvent, type Troupe } from 'troupe';

/** Each run of a job leaves lines, of its begin and of its end: the page cache outlives a process that is killed. */
const COMMON = `
import { appendFileSync } from 'node:fs';
const note = (line) => appendFileSync(process.env.NOTES, JSON.stringify({ ...line, pid: process.pid, atMs: Date.now() }) + '\\n');
async function run(kind, job, key) {
  const { n, tenant, ms } = job;
  note({ what: 'begin', kind, n, tenant, key });
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  note({ what: 'end', kind, n, tenant, key });
  return { n };
}
async function attempt(job, { attempt, key }) {
  const result = await run('work', job, key);
  if (attempt <= job.failures) throw new Error('attempt ' + attempt);
  return result;
}`;
const WORK = `${COMMON}
export default (job, context) => attempt(job, { attempt: context.attempt, key: context.idempotencyKey });`;
const MANY = `${COMMON}
export default (items) => Promise.allSettled(items.map(({ payload, attempt: nth, idempotencyKey }) => attempt(payload, { attempt: nth, key: idempotencyKey })));`;
const BEAT = `${COMMON}
export default ({ schedule, scheduledAtMs }, context) => run('beat', { n: scheduledAtMs, tenant: schedule, ms: 20 }, context.idempotencyKey);`;
const REACT = `${COMMON}
export default ({ id }, context) => run('react', { n: id, ms: 0 }, context.idempotencyKey);`;

const COMMONLY = { concurrency: 16, maxInstances: 2 };
const FUNCTIONS = {
  work: { code: WORK, queue: { concurrency: 8, perKey: { concurrency: 2 } } },
  many: { code: MANY, queue: { concurrency: 2, batch: { maxSize: 5, maxWaitMs: 5 } } },
  rated: { code: WORK, queue: { rateLimit: { max: 4, perMs: 100 } } },
  beat: { code: BEAT },
  react: { code: REACT },
};
const OVERLAPS = ['allow', 'skip', 'queue'] as const;
const BEAT_MS = 100;
/** Kills are attempts. */
const PATIENT = { maxAttempts: 100, backoff: 10 };

export interface JobsLife {
  readonly dataDir: string;
  readonly notes: string;
}

interface Body {
  readonly id: string;
  readonly name: string;
  readonly jobs: readonly ({ readonly payload: unknown } & EnqueueOptions)[];
  readonly events: readonly NewCloudEvent[];
}

/** At once and synchronously: who reads it may rely on it, even if this process is gone by then. */
function say(line: unknown): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function perform(troupe: Troupe, operation: string, { id, name, jobs, events }: Body): Promise<unknown> {
  switch (operation) {
    case 'enqueue':
      return troupe.jobs.enqueueMany(name, jobs);
    case 'cancel':
      return troupe.jobs.cancel(id);
    case 'publish':
      return troupe.events.publish(events);
    case 'silence':
      return Promise.all(OVERLAPS.map((overlap) => troupe.schedules.remove(overlap)));
    case 'queues':
      return troupe.jobs.queues();
    case 'list':
      return troupe.jobs.list({ limit: 1_000 });
    default:
      throw new Error(`There is no operation ${operation}.`);
  }
}

say({ said: 'loaded' });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { value: first, done: isUnused } = await lines.next();
if (isUnused) process.exit(0);
const { dataDir, notes }: JobsLife = JSON.parse(first);
const troupe = await createTroupe({ dataDir, drainTimeoutMs: 2_000 });
// One that was killed before it had all of them is followed by one that has.
const deployed = new Set((await troupe.list()).map(({ name }) => name));
for (const [name, { code, ...config }] of Object.entries(FUNCTIONS)) {
  if (deployed.has(name)) continue;
  await troupe.deploy({ name, source: { language: 'js', code }, env: { NOTES: notes }, ...COMMONLY, ...config });
}
for (const overlap of OVERLAPS)
  await troupe.schedules.set(overlap, { function: 'beat', everyMs: BEAT_MS, overlap, job: PATIENT });
await troupe.events.on('orders', { function: 'react', filters: [{ prefix: { type: 'order.' } }], job: PATIENT });
say({ said: 'ready' });
for await (const line of lines) {
  const { number, operation, body } = JSON.parse(line);
  perform(troupe, operation, body).then(
    (value) => say({ number, value: value ?? null }),
    (error) => say({ number, error: { code: String(error.code), message: String(error.message) } }),
  );
}
await troupe.close();
process.exit(0);
