/** From no instance to the first answer. Each call is a cold start: the function is deployed under a new name, without its build time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTroupe } from '../../dist/index.js';
import { oneAtATime } from '../measure.js';
import { forkFirstResult, newWorkerFirstResult } from '../subjects.js';

/** @param {{ quick: boolean, directory: string }} options */
export async function subjects({ quick, directory }) {
  const times = quick ? 3 : 10;
  const bundle = join(directory, 'bundle.cjs');
  writeFileSync(bundle, 'module.exports = (event) => event;');
  const script = join(directory, 'child.cjs');
  writeFileSync(script, `process.once('message', (event) => process.send(event));`);
  const troupe = await createTroupe();
  return [
    { name: 'troupe thread', round: () => coldCalls(troupe, 'thread', times), close: async () => undefined },
    { name: 'troupe process', round: () => coldCalls(troupe, 'process', times), close: () => troupe.close() },
    {
      name: 'new Worker',
      round: () => oneAtATime(() => newWorkerFirstResult(bundle), times),
      close: async () => undefined,
    },
    { name: 'fork', round: () => oneAtATime(() => forkFirstResult(script), times), close: async () => undefined },
  ];
}

/** @param {import('../../dist/index.js').Troupe} troupe @param {'thread' | 'process'} isolation @param {number} times */
async function coldCalls(troupe, isolation, times) {
  const source = /** @type {const} */ ({ language: 'js', code: 'export default (event) => event' });
  const names = Array.from({ length: times }, (_, index) => `cold-${isolation}-${index}`);
  for (const name of names) await troupe.deploy({ name, source, isolation });
  const figures = await oneAtATime(() => troupe.invoke(names.pop() ?? '', {}), times);
  for (let index = 0; index < times; index++) await troupe.remove(`cold-${isolation}-${index}`);
  return figures;
}
