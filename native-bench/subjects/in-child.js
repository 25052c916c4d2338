/** Measurements that need a process of their own: what a process holds, or does when nobody asks anything of it. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const TIMEOUT_MS = 180_000;

/**
 * @typedef {object} Child
 * @property {() => Promise<Record<string, unknown>>} next  its next message; rejects when it ends, or says nothing for three minutes
 * @property {(message: Record<string, unknown>) => void} send
 * @property {() => void} close  ends it
 */

/** Starts a script of this folder, which finds `options` as its argument and may ask for garbage collection. @param {string} script @param {Record<string, unknown>} options @returns {Child} */
export function inChild(script, options) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(options)], {
    execArgv: ['--expose-gc'],
  });
  /** @type {Record<string, unknown>[]} */
  const messages = [];
  let isGone = false;
  let wake = () => {};
  child.on('message', (message) => {
    messages.push(/** @type {Record<string, unknown>} */ (message));
    wake();
  });
  for (const event of ['exit', 'error']) {
    child.on(event, () => {
      isGone = true;
      wake();
    });
  }
  return {
    async next() {
      const dueMs = performance.now() + TIMEOUT_MS;
      for (;;) {
        const message = messages.shift();
        if (message) return message;
        if (isGone) throw new Error(`${script} ended before it had measured.`);
        if (performance.now() >= dueMs) throw new Error(`${script} has not answered for ${TIMEOUT_MS} ms.`);
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, TIMEOUT_MS, undefined);
          wake = () => {
            clearTimeout(timer);
            resolve(undefined);
          };
        });
      }
    },
    send: (message) => void child.send(message),
    close: () => void child.kill('SIGKILL'),
  };
}
