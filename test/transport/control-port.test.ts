import { MessageChannel, Worker } from 'node:worker_threads';
import { expose, wrap } from 'comlink';
import { expect, it, onTestFinished } from 'vitest';
import { AttendingEnd, CallingEnd, createBell } from '../../src/transport/control-port.ts';
import type { InstanceImage, ScriptCode, SpecialiseOutcome } from '../../src/transport/instance-control.ts';
import { EMPTY } from '../../src/transport/protocol.ts';

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

const image = (code?: Partial<ScriptCode>): InstanceImage => ({
  functionName: 'f',
  functionVersion: 1,
  format: 'script',
  entry: '/f.cjs',
  env: { NAME: 'Zoë' },
  memoryMb: 128,
  payloadLimitBytes: 1_024,
  ...(code && { code: { text: EMPTY, cache: EMPTY, isAscii: true, mayImport: false, mayPrint: false, ...code } }),
});
const bytes = (size: number) => Buffer.alloc(size, 'code');
const READY: SpecialiseOutcome = { kind: 'ready', manifest: { shape: 'value', config: {} }, tookMs: 1 };

it.each([
  ['without its code', undefined],
  ['with a little code', { text: bytes(1_000), cache: bytes(2_000) }],
  ['with more code than fits beside the bell', { text: bytes(400_000), cache: bytes(50_000) }],
])('An instance is told what to become, %s, and its answer is heard', async (_, code) => {
  const { near, far } = connect();
  const told: InstanceImage[] = [];
  far.onSpecialise((one) => {
    told.push(one);
    far.specialised(READY);
  });
  const outcome = near.specialise(image(code));
  far.attend();
  expect(await outcome).toEqual(READY);
  expect(told.map((one) => ({ ...one, code: undefined }))).toEqual([{ ...image(), code: undefined }]);
  for (const part of ['text', 'cache'] as const) {
    expect(Buffer.from(told[0]?.code?.[part] ?? EMPTY).equals(Buffer.from(code?.[part] ?? EMPTY))).toBe(true);
  }
});

it('An instance that was roused, and told nothing, goes back to its caller', () => {
  const { near, far } = connect();
  let wakings = 0;
  near.rouse();
  far.attend({ spinMs: 1, awake: () => wakings++ });
  expect(wakings).toBe(1);
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
