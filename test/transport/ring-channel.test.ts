import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY, FRAME_KINDS, type Frame } from '../../src/transport/protocol.ts';
import { createRing } from '../../src/transport/ring-buffer.ts';
import { RingChannel } from '../../src/transport/ring-channel.ts';
import { content, frame, record } from '../conformance/channel.ts';

const KIB = 1_024;

function ringPair(ringBytes = 4 * KIB) {
  const { port1, port2 } = new MessageChannel();
  const [there, back] = [createRing(ringBytes), createRing(ringBytes)];
  const near = new RingChannel({ port: port1, outgoing: there, incoming: back, spinsFor: 'answers' });
  const far = new RingChannel({ port: port2, outgoing: back, incoming: there, spinsFor: 'calls' });
  near.ref();
  return { near, far, there, back };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a channel over rings', () => {
  it('keeps the order of frames of any size, through the ring and beside it, however sending and turns alternate', async () => {
    const sizes = fc.oneof(fc.nat(100), fc.nat(2_000), fc.integer({ min: 30_000, max: 70_000 }));
    const script = fc.array(fc.array(sizes, { maxLength: 12 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(script, async (turns) => {
        const { near, far } = ringPair();
        const atFar = record(far);
        let call = 0;
        const sent: Frame[] = [];
        const sizesSent = turns.flat();
        for (const payloadSizes of turns) {
          for (const bytes of payloadSizes) {
            const one = frame(++call, {
              meta: Buffer.alloc(bytes % 9, call),
              payload: Buffer.alloc(bytes, call),
              isGiven: bytes % 2 === 0,
            });
            expect(near.send(one)).toBe('sent');
            sent.push(one);
          }
          await turn();
        }
        near.close();
        expect(await atFar.closed).toBeUndefined();
        expect(atFar.frames.map((one) => one.call)).toEqual(sent.map((one) => one.call));
        // What was given away is not here any more.
        const contents = sizesSent.map((bytes, index) => Buffer.alloc(bytes, index + 1));
        expect(atFar.frames.every(({ payload }, index) => contents[index]?.equals(payload))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('neither detaches nor shares bytes that the sender still has', async () => {
    const { near, far } = ringPair();
    const atFar = record(far);
    const [small, large] = [Buffer.alloc(50, 1), new Uint8Array(100 * KIB).fill(2)];
    near.send(frame(1, { payload: small }));
    near.send(frame(2, { payload: large }));
    small.fill(9);
    large.fill(9);
    await atFar.arrived(2);
    expect(large.length).toBe(100 * KIB);
    expect(atFar.frames.map(({ payload }) => payload[0])).toEqual([1, 2]);
    near.close();
  });

  it('moves a large payload that is given away instead of copying it', async () => {
    const { near, far } = ringPair(256 * KIB);
    const atFar = record(far);
    const given = Buffer.alloc(64 * KIB, 6);
    near.send(frame(1, { payload: given, isGiven: true }));
    await atFar.arrived(1);
    expect(given.length).toBe(0);
    expect(Buffer.alloc(64 * KIB, 6).equals(atFar.frames[0]?.payload ?? EMPTY)).toBe(true);
    near.close();
  });

  it('lets timers run while calls and answers follow each other without a pause', async () => {
    const { near, far } = ringPair();
    far.onFrame(({ call }) => void far.send(frame(call, { kind: FRAME_KINDS.result })));
    let answered: () => void = () => {};
    near.onFrame(() => answered());
    let timers = 0;
    const timer = setInterval(() => timers++, 1);
    const startedMs = performance.now();
    for (let call = 1; timers < 5 && performance.now() - startedMs < 5_000; call++) {
      await new Promise<void>((resolve) => {
        answered = resolve;
        near.send(frame(call));
      });
    }
    clearInterval(timer);
    expect(timers).toBe(5);
    near.close();
  });

  it('goes on with the frames behind one whose receiver throws', async () => {
    const { near, far } = ringPair();
    const seen: number[] = [];
    const thrown = new Promise((resolve) => {
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const listener of listeners) process.on('uncaughtException', listener);
        resolve(error);
      });
    });
    const all = new Promise<void>((resolve) => {
      far.onFrame(({ call }) => {
        seen.push(call);
        if (call === 3) resolve();
        if (call === 1) throw new Error('receiver');
      });
    });
    for (const call of [1, 2, 3]) near.send(frame(call));
    expect(await thrown).toMatchObject({ message: 'receiver' });
    await all;
    expect(seen).toEqual([1, 2, 3]);
    near.close();
  });

  it('breaks as FRAME_INVALID on a record that is no frame', async () => {
    const { near, far, there } = ringPair();
    const atFar = record(far);
    near.send(frame(1));
    new Int32Array(there)[512 / 4] = 77;
    expect((await atFar.closed)?.code).toBe('FRAME_INVALID');
    near.close();
  });
});

describe('a channel over rings to a thread', () => {
  /** A thread that writes its frames as they stand in a ring, by hand: it has no runtime. */
  async function withThread(code: string) {
    const { port1, port2 } = new MessageChannel();
    const [there, back] = [createRing(), createRing()];
    const script = `
      const { workerData, parentPort } = require('node:worker_threads');
      const words = new Int32Array(workerData.back);
      const publish = (call, kind = 4) => { const at = words[0] / 4 + 128; words.set([kind, 0, 0, 0, call, 0, 0, 0], at); Atomics.store(words, 0, words[0] + 32); };
      const ring = () => { if (Atomics.exchange(words, 64, 0) === 1) workerData.port.postMessage(0); };
      ${code}; parentPort.postMessage('up');`;
    const thread = new Worker(script, { eval: true, workerData: { port: port2, there, back }, transferList: [port2] });
    thread.on('error', () => undefined);
    const channel = new RingChannel({ port: port1, outgoing: there, incoming: back, spinsFor: 'answers' });
    channel.ref();
    await once(thread, 'message');
    return { channel, thread };
  }

  it('breaks as CHANNEL_CLOSED when the thread is terminated, after the frames that it had published', async () => {
    const { channel, thread } = await withThread(
      `publish(7); publish(8); words.set([4, 0, 0, 0, 9, 0, 0, 0], words[0] / 4 + 128); workerData.port.on('message', () => {})`,
    );
    const recorded = record(channel);
    await thread.terminate();
    expect((await recorded.closed)?.code).toBe('CHANNEL_CLOSED');
    expect(recorded.order).toEqual([7, 8, 'closed']);
    expect(channel.send(frame(1))).toBe('closed');
  });

  it('breaks as CHANNEL_CLOSED when the thread exits without ringing for what it had written', async () => {
    const { channel } = await withThread(
      `workerData.port.on('message', () => { publish(7); publish(8); process.exit(3); })`,
    );
    const recorded = record(channel);
    channel.send(frame(1));
    expect((await recorded.closed)?.code).toBe('CHANNEL_CLOSED');
    expect(recorded.order).toEqual([7, 8, 'closed']);
  });

  it('keeps what a thread sent until there is a receiver, also when the thread is gone by then', async () => {
    const { channel, thread } = await withThread(`publish(1); ring(); workerData.port.on('message', () => {})`);
    const closed = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    await thread.terminate();
    await closed;
    await turn();
    const recorded = record(channel);
    await recorded.closed;
    expect(recorded.frames.map(content)).toEqual([content(frame(1, { kind: FRAME_KINDS.result }))]);
  });

  it('carries everything both ways while both threads write and read at once, through rings that are nearly always full', async () => {
    const { port1, port2 } = new MessageChannel();
    const [there, back] = [createRing(4 * KIB), createRing(4 * KIB)];
    const module = new URL('../../dist/transport/ring-channel.js', import.meta.url).href;
    const script = `
      const { port, incoming, outgoing } = require('node:worker_threads').workerData;
      import(${JSON.stringify(module)}).then(({ RingChannel }) => {
        const channel = new RingChannel({ port, incoming, outgoing, spinsFor: 'calls' });
        const waiting = [];
        const flush = () => { while (waiting.length > 0 && channel.send(waiting[0]) === 'sent') waiting.shift(); };
        channel.onWritable(flush);
        channel.onFrame((frame) => { waiting.push({ ...frame, kind: 4 }); flush(); });
        channel.ref();
      });`;
    const workerData = { port: port2, incoming: there, outgoing: back };
    const thread = new Worker(script, { eval: true, workerData, transferList: [port2] });
    const channel = new RingChannel({ port: port1, outgoing: there, incoming: back, spinsFor: 'answers' });
    const recorded = record(channel);
    channel.ref();
    const sizeOf = (call: number) => (call % 97 === 0 ? 40_000 : (call * 37) % 700);
    const count = 20_000;
    let call = 0;
    while (call < count) {
      const outcome = channel.send(frame(call, { argument: call, payload: Buffer.alloc(sizeOf(call), call) }));
      if (outcome === 'sent') call++;
      else await new Promise<void>((resolve) => channel.onWritable(resolve));
      if (call % 500 === 0) await turn();
    }
    await recorded.arrived(count);
    const wrong = recorded.frames.findIndex(
      (one, index) =>
        one.call !== index || one.argument !== index || !Buffer.alloc(sizeOf(index), index).equals(one.payload),
    );
    expect(wrong).toBe(-1);
    channel.close();
    await thread.terminate();
  });
});
