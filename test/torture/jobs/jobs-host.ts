/** The host under torture, as a program: takes requests as lines on its standard input, answers in lines on its standard output. */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createTroupe, type EnqueueOptions, type Troupe } from 'troupe';

/** Each run of a job leaves lines, of its begin and of its end: the page cache outlives a process that is killed. */
const COMMON = `
import { appendFileSync } from 'node:fs';
const note = (what, { n, tenant }) => appendFileSync(process.env.NOTES, [what, n, process.pid, tenant ?? ''].join(' ') + '\\n');
async function run(job, attempt) {
  note('begin', job);
  if (job.ms > 0) await new Promise((resolve) => setTimeout(resolve, job.ms));
  note('end', job);
  if (attempt <= job.failures) throw new Error('attempt ' + attempt);
  return { n: job.n };
}`;
const ONE = `${COMMON}
export default (job, context) => run(job, context.attempt);`;
const MANY = `${COMMON}
export default (items) => Promise.allSettled(items.map(({ payload, attempt }) => run(payload, attempt)));`;

const COMMONLY = { concurrency: 16, maxInstances: 2 };
const FUNCTIONS = {
  work: { code: ONE, queue: { concurrency: 8, perKey: { concurrency: 2 } } },
  many: { code: MANY, queue: { concurrency: 2, batch: { maxSize: 5, maxWaitMs: 5 } } },
};

export interface JobsLife {
  readonly dataDir: string;
  readonly notes: string;
}

interface Body {
  readonly id: string;
  readonly name: string;
  readonly jobs: readonly ({ readonly payload: unknown } & EnqueueOptions)[];
}

/** At once and synchronously: who reads it may rely on it, even if this process is gone by then. */
function say(line: unknown): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function perform(troupe: Troupe, operation: string, { id, name, jobs }: Body): Promise<unknown> {
  switch (operation) {
    case 'enqueue':
      return troupe.jobs.enqueueMany(name, jobs);
    case 'cancel':
      return troupe.jobs.cancel(id);
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
if ((await troupe.list()).length === 0) {
  for (const [name, { code, queue }] of Object.entries(FUNCTIONS)) {
    const source = { language: 'js' as const, code };
    await troupe.deploy({ name, source, queue, env: { NOTES: notes }, ...COMMONLY });
  }
}
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
