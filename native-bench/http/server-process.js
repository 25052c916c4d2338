/**
 * A server as a child process: started, waited for, and stopped by its own id, also when this process ends first.
 */
import { spawn } from 'node:child_process';

/** A server that says nothing for so long is not coming. */
const START_TIMEOUT_MS = 30_000;
/** How long a server may take to stop by itself. */
const STOP_TIMEOUT_MS = 5_000;

/** @typedef {{ port: number, pid: number, close: () => Promise<void> }} Server */

/** Processes that are still to be stopped. @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts `command` and resolves once it has said its port: `portOf` is asked with every line that it writes to `portFd`.
 * @param {{ command: string, args: readonly string[], env?: NodeJS.ProcessEnv, cwd?: string, portFd?: 1 | 3, portOf: (line: string) => number | undefined }} options
 * @returns {Promise<Server>}
 */
export async function startServer({ command, args, env = process.env, cwd, portFd = 1, portOf }) {
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'pipe', 'pipe']);
  const child = spawn(command, args, { env, stdio: [...stdio], ...(cwd === undefined ? {} : { cwd }) });
  running.add(child);
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => {
    child.once('close', () => {
      running.delete(child);
      resolve();
    });
  });
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  };
  try {
    const port = await portFrom(child, portFd, portOf);
    return { port, pid: child.pid ?? 0, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/**
 * @param {import('node:child_process').ChildProcess} child @param {number} portFd @param {(line: string) => number | undefined} portOf
 * @returns {Promise<number>}
 */
function portFrom(child, portFd, portOf) {
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint = (complaint + chunk).slice(-2_000);
  });
  const output = /** @type {import('node:stream').Readable} */ (child.stdio[portFd]);
  for (const other of [child.stdout, child.stdio[3]]) {
    if (other !== output) /** @type {import('node:stream').Readable} */ (other).resume();
  }
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(
      () => reject(new Error(`${child.spawnfile} did not start: ${complaint}`)),
      START_TIMEOUT_MS,
    );
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`${child.spawnfile} ended with ${code}: ${complaint}`)));
    output.on('data', (chunk) => {
      text += chunk;
      for (const line of text.split('\n').slice(0, -1)) {
        const port = portOf(line);
        if (port === undefined) continue;
        clearTimeout(timer);
        resolve(port);
      }
      text = text.slice(text.lastIndexOf('\n') + 1);
    });
  });
}
