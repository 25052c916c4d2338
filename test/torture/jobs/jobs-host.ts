/** The host under torture, as a program: takes requests as lines on its standard input, answers in lines on its standard output. */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createTroupe, type EnqueueOptions, type Troupe } from 'troupe';

/** Each run of a job leaves a line: the page cache outlives a process that is killed. */
const SOURCE = `
import { appendFileSync } from 'node:fs';
export default async ({ n, failures, ms }, context) => {
  appendFileSync(process.env.NOTES, n + '\\n');
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  if (context.attempt <= failures) throw new Error('attempt ' + context.attempt);
  return { n };
};`;

export interface JobsLife {
  readonly dataDir: string;
  readonly notes: string;
}

interface Body {
  readonly id: string;
  readonly jobs: readonly ({ readonly payload: unknown } & EnqueueOptions)[];
}

/** At once and synchronously: who reads it may rely on it, even if this process is gone by then. */
function say(line: unknown): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function perform(troupe: Troupe, operation: string, { id, jobs }: Body): Promise<unknown> {
  switch (operation) {
    case 'enqueue':
      return troupe.jobs.enqueueMany('work', jobs);
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
  const source = { language: 'js' as const, code: SOURCE };
  const options = { env: { NOTES: notes }, concurrency: 16, maxInstances: 2, queue: { concurrency: 8 } };
  await troupe.deploy({ name: 'work', source, ...options });
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
