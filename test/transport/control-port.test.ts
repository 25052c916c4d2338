import { MessageChannel, Worker } from 'node:worker_threads';
import { expose, wrap } from 'comlink';
import { expect, it, onTestFinished } from 'vitest';
import { AttendingEnd, CallingEnd, createBell } from '../../src/transport/control-port.ts';

function connect() {
  const { port1, port2 } = new MessageChannel();
  const bell = createBell();
  const near = new CallingEnd(port1, bell);
  const far = new AttendingEnd(port2, bell);
  onTestFinished(() => near.close());
  port1.ref();
  return { near, far };
}

it('What was said before anybody attended is heard, and answered once the event loop turns', async () => {
  const { near, far } = connect();
  expose({ twice: (n: number) => 2 * n }, far);
  const remote = wrap<{ twice: (n: number) => number }>(near);
  const [one, two] = [remote.twice(2), remote.twice(3)];
  far.attend();
  expect([await one, await two]).toEqual([4, 6]);
});

it('Once it listens, the port works without anybody who attends', async () => {
  const { near, far } = connect();
  expose({ twice: (n: number) => 2 * n }, far);
  far.listen();
  expect(await wrap<{ twice: (n: number) => number }>(near).twice(4)).toBe(8);
});

it('Who attends returns when the other end has hung up', () => {
  const { near, far } = connect();
  near.close();
  far.attend();
  expect(far.isHungUp).toBe(true);
});

it('A thread that sleeps on the bell is woken by a message, and can be terminated', async () => {
  const { port1, port2 } = new MessageChannel();
  const bell = createBell();
  const near = new CallingEnd(port1, bell);
  const built = new URL('../../dist/transport/control-port.js', import.meta.url).href;
  const worker = new Worker(
    `import(${JSON.stringify(built)}).then(({ AttendingEnd }) => {
      const { workerData } = require('node:worker_threads');
      const far = new AttendingEnd(workerData.port, workerData.bell);
      far.addEventListener('message', ({ data }) => far.postMessage(data + 1));
      far.attend();
      far.attend();
    });`,
    { eval: true, workerData: { port: port2, bell }, transferList: [port2] },
  );
  const heard = new Promise((resolve) =>
    near.addEventListener('message', ({ data }: { data: unknown }) => resolve(data)),
  );
  port1.ref();
  near.postMessage(41);
  expect(await heard).toBe(42);
  expect(await worker.terminate()).toBe(1);
  near.close();
});
