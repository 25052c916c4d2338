/** A host of its own on a disk that is about to be full: told by messages what to do, and answers each. */
import { createTroupe } from '../../dist/index.js';

const troupe = await createTroupe({ dataDir: process.argv[2] ?? '', drainTimeoutMs: 2_000 });
await troupe.deploy({ name: 'size', source: { language: 'js', code: 'export default (text) => text.length;' } });

/** @type {Record<string, (argument: string) => Promise<unknown>>} */
const ACTS = {
  enqueue: async (text) => (await troupe.enqueue('size', text)).id,
  status: async (id) => (await troupe.job(id)).status,
  close: () => troupe.close(),
};

process.on('message', async (/** @type {{ act: string, argument: string }} */ { act, argument }) => {
  try {
    process.send?.({ value: await ACTS[act]?.(argument) });
  } catch (error) {
    process.send?.({ code: /** @type {{ code?: string }} */ (error).code });
  }
  if (act === 'close') process.disconnect();
});
process.send?.({ value: 'ready' });
