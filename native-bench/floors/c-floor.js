/**
 * The floor in C: built with `cc` where there is one, and skipped with a word elsewhere. Its tries are its own process's, so nothing of Node
 * stands in its figures.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { histogramOfMs } from '../harness/histogram.js';
import { skip } from '../harness/skipped.js';

/** @typedef {'parked' | 'spinning' | 'fork' | 'exec'} Mode */

const SOURCE = fileURLToPath(new URL('floor.c', import.meta.url));
const run = promisify(execFile);
/** Against a machine on which nothing ends. */
const TIMEOUT_MS = 60_000;

/**
 * A subject for each mode, of so many tries a round; none where it cannot be built.
 * @param {string} directory where the program goes
 * @param {Record<string, { mode: Mode, times: number }>} modes by the name of the subject
 * @returns {Promise<import('../harness/scenario.js').Subject[]>}
 */
export async function cFloor(directory, modes) {
  const program = join(directory, 'floor');
  try {
    await run('cc', ['-O2', '-pthread', '-o', program, SOURCE], { timeout: TIMEOUT_MS });
  } catch (error) {
    const { code, stderr } = /** @type {{ code?: unknown, stderr?: string }} */ (error);
    const why = code === 'ENOENT' ? 'there is no `cc`; install a C compiler' : `it needs Linux; \`cc\` says: ${stderr}`;
    skip('C', why);
    return [];
  }
  return Object.entries(modes).map(([name, { mode, times }]) => ({
    name,
    round: () => tries(program, mode, times),
    close: async () => undefined,
  }));
}

/** @param {string} program @param {Mode} mode @param {number} times @returns {Promise<import('../harness/scenario.js').Measurement>} */
async function tries(program, mode, times) {
  const { stdout } = await run(program, [mode, String(times)], {
    encoding: 'buffer',
    timeout: TIMEOUT_MS,
    maxBuffer: times * Uint32Array.BYTES_PER_ELEMENT + 1_024,
  });
  const tookMs = new Float64Array(times);
  for (let index = 0; index < times; index++) tookMs[index] = stdout.readUInt32LE(index * 4) / 1e6;
  return { latenciesUs: histogramOfMs(tookMs) };
}
