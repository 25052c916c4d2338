/**
 * DBOS: durable workflows as a library within the program, on Postgres. As it comes, but for its log: a row is written for each step, and one when
 * a workflow begins and ends. The workflow is called and its result awaited, which is what favours it: starting it and asking for its result is slower.
 */
import { loadPeer } from './load-peer.js';
import { startPostgres } from './postgres.js';

const QUIET = { info: () => {}, debug: () => {}, warn: () => {}, error: console.error };
const STEPS = ['step-1', 'step-2', 'step-3', 'step-4', 'step-5'];

/** A workflow is registered once in a process. @type {((event: unknown) => Promise<unknown>) | undefined} */
let registered;

/** @param {{ payload: unknown }} options @returns {Promise<import('../subjects/subject.js').Caller | undefined>} */
export async function dbosCaller({ payload }) {
  const loaded = await loadPeer('@dbos-inc/dbos-sdk', () => import('@dbos-inc/dbos-sdk'));
  const postgres = loaded && (await startPostgres());
  if (!postgres) return undefined;
  const { DBOS } = loaded;
  registered ??= DBOS.registerWorkflow(
    async (/** @type {unknown} */ event) => {
      let value = event;
      for (const name of STEPS) {
        const input = value;
        value = await DBOS.runStep(async () => input, { name });
      }
      return value;
    },
    { name: 'five-steps' },
  );
  const workflow = registered;
  /** @type {Promise<void> | undefined} */
  let closing;
  // Once: an interrupt closes what the round that it interrupts closes as well.
  const close = () => {
    closing ??= DBOS.shutdown().finally(postgres.close);
    return closing;
  };
  try {
    DBOS.setConfig({ name: 'bench', systemDatabaseUrl: postgres.url, logger: QUIET });
    await DBOS.launch();
  } catch (error) {
    await close();
    throw error;
  }
  return { call: () => workflow(payload), close };
}
