/** Fills a queue that is paused and tells the memory that it takes; or starts on one that is full and tells when the first job begins. */
import { createTroupe } from '../../dist/index.js';
import { childOptions, report, rssAnonBytes } from './own-process.js';

const NAME = 'wait';
const AT_ONCE = 1_000;
/** Under way at a time. */
const BATCHES = 4;
/** Jobs that have come and gone before: what the first ones bring up is not what each one costs. */
const BEFORE = 5_000;

/** @type {{ step: 'fill' | 'recover', jobs: number, dataDir: string }} */
const { step, jobs, dataDir } = childOptions();
const beganMs = performance.now();
const troupe = await createTroupe({ dataDir });
if (step === 'fill') await fill();
else await recover();
await troupe.close();
process.exit();

async function fill() {
  await troupe.deploy({
    name: NAME,
    source: { language: 'js', code: 'export default (event) => event;' },
    concurrency: 64,
    minInstances: 1,
  });
  await enqueue(BEFORE);
  while ((await waiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  await troupe.jobs.pause(NAME);
  const before = await rssAnonBytes();
  await enqueue(jobs);
  report({ bytes: (await rssAnonBytes()) - before });
}

async function recover() {
  const begun = new Promise((resolve) => {
    troupe.jobs.watch(({ status }) => {
      if (status === 'running') resolve(undefined);
    });
  });
  await troupe.jobs.resume(NAME);
  await begun;
  report({ recoveryMs: performance.now() - beganMs });
}

/** @param {number} count */
async function enqueue(count) {
  let left = count / AT_ONCE;
  const batch = Array.from({ length: AT_ONCE }, (_, index) => ({ payload: { index } }));
  const lane = async () => {
    while (left-- > 0) await troupe.jobs.enqueueMany(NAME, batch);
  };
  await Promise.all(Array.from({ length: BATCHES }, lane));
}

async function waiting() {
  const [queue] = await troupe.jobs.queues();
  const { waiting: left = 0, running = 0 } = queue?.counts ?? {};
  return left + running;
}
