/** Things that run jobs, behind one shape: troupe, and BullMQ on a Redis of each durability. */
import { join } from 'node:path';
import { createTroupe } from '../../dist/index.js';
import { bullmqRunner } from '../peers/bullmq.js';
import { until } from './until.js';
import { EVENT } from './work.js';

/**
 * @typedef {object} JobRunner
 * @property {(payload: unknown) => Promise<void>} enqueue   resolves when the job is acknowledged
 * @property {(payload: unknown) => Promise<void>} run       resolves when it is acknowledged and has been done
 * @property {() => Promise<void>} drained                   all that was enqueued is done, and that is recorded
 * @property {() => Promise<void>} pause                     nothing begins
 * @property {() => Promise<void>} resume
 * @property {() => Promise<void>} forget                    what waits is gone
 * @property {() => Promise<void>} close
 *
 * @typedef {Record<string, () => Promise<JobRunner | undefined>>} RunnerOpeners
 */

export const PAYLOAD = EVENT;
export const PRODUCERS = 64;
const NAME = 'echo';
const ECHO = 'export default (event) => event;';

/** Its jobs run in a thread, isolated as always, and are kept for a day as they come. @param {string} directory @returns {Promise<JobRunner>} */
export async function troupeRunner(directory) {
  const troupe = await createTroupe({ dataDir: join(directory, 'troupe') });
  const { jobs } = troupe;
  await troupe.deploy({
    name: NAME,
    source: { language: 'js', code: ECHO },
    concurrency: PRODUCERS,
    minInstances: 1,
    maxInstances: 1,
    queue: { concurrency: PRODUCERS },
  });
  const left = async () => {
    const [queue] = await jobs.queues();
    const { waiting = 0, running = 0, delayed = 0, retrying = 0 } = queue?.counts ?? {};
    return waiting + running + delayed + retrying;
  };
  return {
    async enqueue(payload) {
      await troupe.enqueue(NAME, payload);
    },
    async run(payload) {
      const { id } = await troupe.enqueue(NAME, payload);
      await jobs.result(id);
    },
    async drained() {
      await until(async () => (await left()) === 0);
      // A list has what is on disk: so all of it is.
      await jobs.list({ limit: 1 });
    },
    pause: () => jobs.pause(NAME),
    resume: () => jobs.resume(NAME),
    async forget() {
      await jobs.resume(NAME);
      await this.drained();
      await jobs.pause(NAME);
    },
    close: () => troupe.close(),
  };
}

/** @param {string} directory @param {boolean} quick  without the peer @returns {RunnerOpeners} */
export function runners(directory, quick) {
  return {
    troupe: () => troupeRunner(directory),
    ...(quick
      ? {}
      : {
          'BullMQ everysec': () => bullmqRunner('everysec', { concurrency: PRODUCERS }),
          'BullMQ always': () => bullmqRunner('always', { concurrency: PRODUCERS }),
        }),
  };
}

/**
 * Opens them, and makes a subject of each that is there.
 * @param {RunnerOpeners} openers @param {(runner: JobRunner) => () => Promise<import('../harness/scenario.js').Measurement>} measuring
 * @returns {Promise<import('../harness/scenario.js').Subject[]>}
 */
export async function jobSubjects(openers, measuring) {
  /** @type {import('../harness/scenario.js').Subject[]} */
  const subjects = [];
  try {
    for (const [name, open] of Object.entries(openers)) {
      const runner = await open();
      if (runner) subjects.push({ name, round: measuring(runner), close: () => runner.close() });
    }
    return subjects;
  } catch (error) {
    for (const subject of subjects) await subject.close();
    throw error;
  }
}
