/**
 * Holds so many executions that wait, for their time or for a signal, and tells the memory that each of them added. Those that wait for their time
 * are told by how late it came: from what the engine has recorded, since a program that awaited ten thousand results would hold memory for that.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { manyAtATime } from '../harness/load.js';
import { childOptions, report, rssAnonBytes } from './own-process.js';
import { openWorkflows } from './workflows.js';

/** At a time: a start is on disk when it is answered. */
const STARTING = 256;
/** Executions that have come and gone before: what the first ones bring up is not what each one costs. */
const BEFORE = 1_000;
/** Besides the settling: for the starts before and the readings after it. */
const SPARE_MS = { full: 20_000, quick: 3_000 };
/** A timer that has not fired by then is an error. */
const LATE_MS = 2_000;
const WAITING = 'waiting';

/** @type {{ kind: 'timers' | 'signals', executions: number, settleMs: number, dataDir: string, quick: boolean }} */
const { kind, executions, settleMs, dataDir, quick } = childOptions();
const sleepMs = settleMs + SPARE_MS[quick ? 'quick' : 'full'];
const task = kind === 'timers' ? `{ run: sleep, inputs: ${sleepMs}ms }` : '{ await: signal }';
const host = await openWorkflows({
  host: { dataDir },
  functions: {},
  workflows: {
    [WAITING]: `output: Wait\ntasks:\n  Wait: ${task}\n`,
    short: 'output: Wait\ntasks:\n  Wait: { run: sleep, inputs: 1ms }\n',
  },
});
const { workflows } = host;
await manyAtATime(() => host.run('short', 1, 'strict'), BEFORE, STARTING);
const [before, beforeAnonBytes] = [await heapBytes(), await rssAnonBytes()];
const beganMs = performance.now();
await manyAtATime(() => workflows.start(WAITING, 1), executions, STARTING);
const allFiredMs = performance.now() + sleepMs + LATE_MS;
await sleep(settleMs);
const [after, afterAnonBytes] = [await heapBytes(), await rssAnonBytes()];
const measuredMs = performance.now() - beganMs;
if (kind === 'timers' && measuredMs > sleepMs) throw new Error(`The first timers fired before all was measured.`);
report({
  bytes: (after - before) / executions,
  anonBytes: (afterAnonBytes - beforeAnonBytes) / executions,
  lateMs: kind === 'timers' ? await lateness(allFiredMs) : [],
});
await host.close();
process.exit();

/** Of the newest: as many as the list gives at once. @param {number} fromMs @returns {Promise<number[]>} */
async function lateness(fromMs) {
  await sleep(fromMs - performance.now());
  const ended = await host.workflows.executions({ workflow: WAITING, limit: 1_000 });
  return ended.map(({ id, startedAtMs, endedAtMs }) => {
    if (endedAtMs === undefined) throw new Error(`Execution ${id} waits longer than it was to.`);
    return endedAtMs - startedAtMs - sleepMs;
  });
}

/** What V8 holds, and what it holds outside of its heap, after a full collection. */
async function heapBytes() {
  let least = Number.POSITIVE_INFINITY;
  for (let reading = 0; reading < 3; reading++) {
    /** @type {{ gc?: () => void }} */ (globalThis).gc?.();
    await sleep(50);
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}
