/** The functions that are called: the same code and the same payload for every subject of a scenario. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} Work  One function, and what it is called with.
 * @property {string} name
 * @property {string} code    an ES module whose default export is the function
 * @property {string} file    a file that holds the code
 * @property {unknown} payload
 */

const CODE = {
  echo: 'export default (event) => event;',
  /** A fixed amount of work, so that a thread that waits for a core does not seem to be done sooner. */
  cpu: `export default ({ steps }) => {
  let state = 1;
  for (let step = 0; step < steps; step++) state = (Math.imul(state ^ step, 2654435761) + 1) | 0;
  return state;
};`,
  wait: `export default async ({ waitMs }) => {
  await new Promise((resolve) => setTimeout(resolve, waitMs));
};`,
};

/** What a no-op is called with: a small object, as most events are. */
export const EVENT = Object.freeze({ id: 7, name: 'Ada', tags: ['a', 'b'] });

/** @param {string} directory where the file goes @param {keyof typeof CODE} name @param {unknown} [payload] @returns {Work} */
export function work(directory, name, payload = EVENT) {
  const file = join(directory, `${name}.mjs`);
  writeFileSync(file, CODE[name]);
  return { name, code: CODE[name], file, payload };
}

/** The payload of `cpu` that takes about so long on this machine. @param {number} tookMs */
export function stepsFor(tookMs) {
  const run = new Function(`${CODE.cpu.replace('export default', 'return')}`)();
  const steps = 1_000_000;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 5; attempt++) {
    const beganMs = performance.now();
    run({ steps });
    bestMs = Math.min(bestMs, performance.now() - beganMs);
  }
  return { steps: Math.round((steps * tookMs) / bestMs) };
}
