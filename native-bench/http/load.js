/**
 * The load on a server: a process of its own, so that what it costs is not charged to whoever measures. In C where there is a compiler
 * (a request then costs it a few microseconds, most of them in the kernel), else in Node.js on bare sockets.
 */
import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { skip } from '../harness/skipped.js';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 1 << 26;

/** @typedef {{ command: string, args: readonly string[], kind: 'c' | 'node' }} Generator */

/** Builds the generator into `directory`. @param {string} directory @returns {Generator} */
export function loadGenerator(directory) {
  const binary = join(directory, 'load');
  try {
    execFileSync('cc', ['-O2', '-o', binary, fileURLToPath(new URL('load.c', import.meta.url))], { stdio: 'ignore' });
    return { command: binary, args: [], kind: 'c' };
  } catch {
    skip(
      'load in C',
      'there is no C compiler (cc); the load comes from Node.js, which costs the servers some of their throughput.',
    );
    return { command: process.execPath, args: [fileURLToPath(new URL('load-node.js', import.meta.url))], kind: 'node' };
  }
}

/**
 * Keeps every connection busy with the same request, first for `warmMs` without counting.
 * @param {{ generator: Generator, directory: string, port: number, request: string, connections: number, warmMs: number, measureMs: number }} options
 * @returns {Promise<{ latenciesNs: Uint32Array, perSecond: number, busy: number }>} `busy`: the part of a core that the load itself used;
 *   near 1, it would have been the load that was measured
 */
export async function load({ generator, directory, port, request, connections, warmMs, measureMs }) {
  const file = join(directory, 'request.http');
  writeFileSync(file, request);
  const args = [...generator.args, ...[port, connections, warmMs, measureMs].map(String), file];
  const { stdout } = await run(generator.command, args, { encoding: 'buffer', maxBuffer: MAX_OUTPUT_BYTES });
  const numbers = new Uint32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.byteLength));
  const latenciesNs = numbers.subarray(1);
  return {
    latenciesNs,
    perSecond: latenciesNs.length / (measureMs / 1_000),
    busy: (numbers[0] ?? 0) / (measureMs * 1_000),
  };
}
