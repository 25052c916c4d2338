/** What is measured: troupe, its floors and its peers, each behind one function `call`. */
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createTroupe } from '../dist/index.js';

export const PAYLOAD = { id: 7, name: 'Ada', tags: ['a', 'b'] };

/** @typedef {{ call: () => Promise<unknown>, close: () => Promise<void> }} Caller */

/** @param {import('../dist/index.js').HostOptions} options @param {Partial<import('../dist/index.js').DeployOptions>} [config] @returns {Promise<Caller>} */
export async function troupeCaller(options, config = {}) {
  const troupe = await createTroupe(options);
  const source = /** @type {const} */ ({ language: 'js', code: 'export default (event) => event' });
  await troupe.deploy({ name: 'echo', source, minInstances: 1, maxInstances: 1, ...config });
  await troupe.invoke('echo', PAYLOAD);
  return { call: () => troupe.invoke('echo', PAYLOAD), close: () => troupe.close() };
}

/** @param {string} directory @param {{ concurrentTasksPerWorker?: number }} [options] @returns {Promise<Caller>} */
export async function piscinaCaller(directory, options = {}) {
  const { Piscina } = await import('piscina');
  const filename = join(directory, 'echo.mjs');
  writeFileSync(filename, 'export default (event) => event;');
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: 1, ...options });
  await pool.run(PAYLOAD);
  return { call: () => pool.run(PAYLOAD), close: () => pool.close() };
}

/** Bare `postMessage` with ids: the least that any library on it must do. @returns {Promise<Caller>} */
export async function postMessageCaller() {
  const code = `const { parentPort } = require('node:worker_threads'); parentPort.on('message', (message) => parentPort.postMessage(message));`;
  const worker = new Worker(code, { eval: true });
  const waiting = new Map();
  let next = 0;
  worker.on('message', ({ id, event }) => {
    waiting.get(id)(event);
    waiting.delete(id);
  });
  const call = () =>
    new Promise((resolve) => {
      const id = next++;
      waiting.set(id, resolve);
      worker.postMessage({ id, event: PAYLOAD });
    });
  await call();
  return { call, close: async () => void (await worker.terminate()) };
}

/** From nothing to the first answer. @param {string} bundle path of a script that exports its handler */
export function newWorkerFirstResult(bundle) {
  const code = `const handler = require(${JSON.stringify(bundle)}); const { parentPort } = require('node:worker_threads');
    parentPort.once('message', async (event) => parentPort.postMessage(await handler(event)));`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(code, { eval: true });
    worker.once('error', reject);
    worker.once('message', (answer) => {
      resolve(answer);
      void worker.terminate();
    });
    worker.postMessage(PAYLOAD);
  });
}

/** @param {string} script path of a script that answers one message */
export function forkFirstResult(script) {
  return new Promise((resolve, reject) => {
    const child = fork(script);
    child.once('error', reject);
    child.once('message', (answer) => {
      resolve(answer);
      child.kill('SIGKILL');
    });
    child.send(PAYLOAD);
  });
}
