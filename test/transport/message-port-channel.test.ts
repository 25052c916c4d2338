import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { MessagePortChannel } from '../../src/transport/message-port-channel.ts';
import { frame, record } from '../conformance/channel.ts';

/** A thread that holds the other end of a port, and does what its code says once it runs. */
async function withThread(code: string): Promise<{ port: MessagePort; thread: Worker }> {
  const { port1, port2 } = new MessageChannel();
  const script = `const { workerData: port, parentPort } = require('node:worker_threads'); ${code}; parentPort.postMessage('up');`;
  const thread = new Worker(script, { eval: true, workerData: port2, transferList: [port2] });
  thread.on('error', () => undefined);
  await once(thread, 'message');
  return { port: port1, thread };
}

const FRAME_OF_7 = '[1, 0, 7, 0, 0, 0]';

describe('a channel over a MessagePort', () => {
  it('breaks as CHANNEL_CLOSED when the thread at the other end is terminated, after the frames that it had sent', async () => {
    const { port, thread } = await withThread(`port.postMessage(${FRAME_OF_7}); port.on('message', () => {})`);
    const channel = new MessagePortChannel(port);
    const recorded = record(channel);
    channel.ref();
    await recorded.arrived(1);
    await thread.terminate();
    expect((await recorded.closed)?.code).toBe('CHANNEL_CLOSED');
    expect(recorded.order).toEqual([7, 'closed']);
    expect(channel.send(frame(1))).toBe('closed');
  });

  it('breaks as CHANNEL_CLOSED when the thread at the other end exits by itself', async () => {
    const { port } = await withThread(
      `port.on('message', () => { port.postMessage(${FRAME_OF_7}); process.exit(3); })`,
    );
    const channel = new MessagePortChannel(port);
    const recorded = record(channel);
    channel.ref();
    channel.send(frame(1));
    expect((await recorded.closed)?.code).toBe('CHANNEL_CLOSED');
    expect(recorded.order).toEqual([7, 'closed']);
  });

  it('works over a Worker itself, and breaks when that exits', async () => {
    const thread = new Worker(
      `const { parentPort } = require('node:worker_threads');
       parentPort.on('message', (message) => { parentPort.postMessage(message); if (message[2] === 2) process.exit(); });`,
      { eval: true },
    );
    const channel = new MessagePortChannel(thread);
    const recorded = record(channel);
    channel.send(frame(1, { meta: Buffer.from('meta'), payload: Buffer.from('payload') }));
    channel.send(frame(2));
    expect((await recorded.closed)?.code).toBe('CHANNEL_CLOSED');
    expect(recorded.order).toEqual([1, 2, 'closed']);
    expect(Buffer.from(recorded.frames[0]?.payload ?? []).toString()).toBe('payload');
  });

  it.each([
    ['no frame', 'hello'],
    ['a frame of an unknown kind', [99, 0, 1, 0, 0, 0]],
    ['a frame whose meta is longer than its bytes', [1, 0, 1, 0, 50, new Uint8Array(10)]],
    ['a frame without bytes', [1, 0, 1, 0, 0, 'text']],
  ])('breaks as FRAME_INVALID on a message that is %s', async (_, message) => {
    const { port1, port2 } = new MessageChannel();
    const recorded = record(new MessagePortChannel(port1));
    port2.postMessage(message);
    expect((await recorded.closed)?.code).toBe('FRAME_INVALID');
    port2.close();
  });

  it('posts no more than the bytes of the frame, and neither clones nor detaches the buffer they are part of', async () => {
    const { port1, port2 } = new MessageChannel();
    const channel = new MessagePortChannel(port1);
    const pool = Buffer.alloc(1_048_576, 5);
    const shared = new Uint8Array(new SharedArrayBuffer(100_000));
    const posted: unknown[][] = [];
    port2.on('message', (message) => posted.push(message));
    channel.send(frame(1, { payload: pool.subarray(8, 20) }));
    channel.send(frame(2, { payload: pool.subarray(0, 200_000) }));
    channel.send(frame(3, { meta: pool.subarray(0, 10_000), payload: shared }));
    channel.close();
    await once(port2, 'close');
    const sizes = posted
      .slice(0, 3)
      .map((parts) => parts.filter((part) => part instanceof Uint8Array).map((part) => part.buffer.byteLength));
    expect(sizes).toEqual([[12], [200_000], [10_000, 100_000]]);
    expect(pool.byteLength).toBe(1_048_576);
    expect(posted[2]?.[5]).toMatchObject({ buffer: expect.any(ArrayBuffer) });
  });

  it('stays full while the other end does not take its frames', async () => {
    const { port1, port2 } = new MessageChannel();
    const [near, far] = [new MessagePortChannel(port1, { highWaterBytes: 100_000 }), new MessagePortChannel(port2)];
    let writables = 0;
    near.onWritable(() => writables++);
    let sent = 0;
    while (near.send(frame(sent, { payload: Buffer.alloc(10_000) })) === 'sent') sent++;
    expect(sent).toBeLessThan(15);
    // An answer of the far end shows that it has had its turn, without anybody to take the frames there.
    const atNear = record(near);
    far.send(frame(1));
    await atNear.arrived(1);
    expect([writables, near.send(frame(99))]).toEqual([0, 'full']);
    const writable = new Promise<void>((resolve) => near.onWritable(resolve));
    record(far);
    near.ref();
    await writable;
    near.close();
  });
});
