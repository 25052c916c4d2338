/** What Node.js itself takes, with the least code that can do it: a thread that is called, and one or a process that is started for a call. */
import { fork } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/** @typedef {import('../subjects/subject.js').Caller} Caller @typedef {import('../subjects/work.js').Work} Work */

/** Messages with ids, which is the least that any library on `postMessage` must do. @param {Work} work @returns {Promise<Caller>} */
export async function postMessageCaller({ file, payload }) {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(pathToFileURL(file).href)}).then(({ default: handler }) => {
      parentPort.on('message', ({ id, event }) => {
        const result = handler(event);
        if (typeof result?.then === 'function') result.then((event) => parentPort.postMessage({ id, event }));
        else parentPort.postMessage({ id, event: result });
      });
    });`,
    { eval: true },
  );
  /** @type {Map<number, { resolve: (result: unknown) => void, reject: (error: unknown) => void }>} */
  const waiting = new Map();
  let next = 0;
  worker.on('message', ({ id, event }) => {
    waiting.get(id)?.resolve(event);
    waiting.delete(id);
  });
  worker.on('error', (error) => {
    for (const { reject } of waiting.values()) reject(error);
  });
  const call = () =>
    new Promise((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, event: payload });
    });
  return { call, close: async () => void (await worker.terminate()) };
}

/**
 * A word of shared memory to a thread and back, both asleep in `Atomics.wait` meanwhile. Neither can do anything else while it waits, so it is
 * a floor and no way to call a function. @returns {Promise<Caller>}
 */
export async function atomicsCaller() {
  const words = new Int32Array(new SharedArrayBuffer(256));
  const [asked, answered] = [0, 32];
  const worker = new Worker(
    `const { workerData: words } = require('node:worker_threads');
    for (let number = 1; ; number++) {
      while (Atomics.load(words, ${asked}) !== number) Atomics.wait(words, ${asked}, number - 1);
      Atomics.store(words, ${answered}, number);
      Atomics.notify(words, ${answered});
    }`,
    { eval: true, workerData: words },
  );
  let number = 0;
  const call = async () => {
    Atomics.store(words, asked, ++number);
    Atomics.notify(words, asked);
    while (Atomics.load(words, answered) !== number) {
      if (Atomics.wait(words, answered, number - 1, 10_000) === 'timed-out')
        throw new Error('The thread does not answer.');
    }
  };
  return { call, close: async () => void (await worker.terminate()) };
}

/** A new thread's first result, from nothing. @param {string} bundle path of a script that exports its handler @param {unknown} payload */
export function newWorkerFirstResult(bundle, payload) {
  const code = `const handler = require(${JSON.stringify(bundle)}); const { parentPort } = require('node:worker_threads');
    parentPort.once('message', async (event) => parentPort.postMessage(await handler(event)));`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(code, { eval: true });
    worker.once('error', reject);
    worker.once('message', (answer) => {
      resolve(answer);
      void worker.terminate();
    });
    worker.postMessage(payload);
  });
}

/** A new process's first result, from nothing. @param {string} script path of a script that answers one message @param {unknown} payload */
export function forkFirstResult(script, payload) {
  return new Promise((resolve, reject) => {
    const child = fork(script);
    child.once('error', reject);
    child.once('exit', (exitCode) => reject(new Error(`The process ended with ${exitCode} before it had answered.`)));
    child.once('message', (answer) => {
      resolve(answer);
      child.kill('SIGKILL');
    });
    child.send(/** @type {import('node:child_process').Serializable} */ (payload));
  });
}

/** A thread that takes a core until it is closed. @returns {Promise<() => Promise<void>>} closes it */
export async function busyThread() {
  const worker = new Worker('for (;;);', { eval: true });
  await new Promise((resolve) => worker.once('online', resolve));
  return async () => void (await worker.terminate());
}
