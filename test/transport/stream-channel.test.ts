import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameDecoder } from '../../src/transport/frame-codec.ts';
import { StreamChannel } from '../../src/transport/stream-channel.ts';
import { frame, record } from '../conformance/channel.ts';

const bytesOf = (...calls: number[]) => Buffer.concat(calls.flatMap((call) => encodeFrame(frame(call))));

describe('a channel over a stream', () => {
  it('breaks as CHANNEL_CLOSED when the stream ends without a close, after the frames that came', async () => {
    const [near, far] = duplexPair();
    const recorded = record(new StreamChannel(near));
    far.end(bytesOf(1, 2));
    expect((await recorded.closed)?.code).toBe('CHANNEL_CLOSED');
    expect(recorded.order).toEqual([1, 2, 'closed']);
  });

  it('breaks as FRAME_INVALID when the stream ends inside a frame', async () => {
    const [near, far] = duplexPair();
    const recorded = record(new StreamChannel(near));
    far.end(bytesOf(1, 2).subarray(0, -3));
    expect((await recorded.closed)?.code).toBe('FRAME_INVALID');
    expect(recorded.order).toEqual([1, 'closed']);
  });

  it('breaks as FRAME_INVALID on garbage, tells the other end why, and reads nothing after it', async () => {
    const [near, far] = duplexPair();
    const channel = new StreamChannel(near);
    const recorded = record(channel);
    far.write(Buffer.concat([bytesOf(1), Buffer.alloc(64, 0xee), bytesOf(2)]));
    expect((await recorded.closed)?.code).toBe('FRAME_INVALID');
    expect(recorded.order).toEqual([1, 'closed']);
    expect(channel.send(frame(3))).toBe('closed');
    const answer = new FrameDecoder().push(Buffer.concat(await far.take(1).toArray()));
    expect(answer.map(({ kind, meta }) => [kind, Buffer.from(meta).includes('FRAME_INVALID')])).toEqual([[14, true]]);
  });

  it('breaks as CHANNEL_CLOSED with its cause when the stream fails', async () => {
    const [near] = duplexPair();
    const recorded = record(new StreamChannel(near));
    near.destroy(new Error('cable cut'));
    expect(await recorded.closed).toMatchObject({ code: 'CHANNEL_CLOSED', cause: { message: 'cable cut' } });
  });

  it('breaks when the process at the other end is killed', async () => {
    const child: ChildProcess = spawn(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdin, stdout } = child;
    if (!stdin || !stdout) throw new Error('The child has no pipes.');
    const channel = new StreamChannel(Duplex.from({ readable: stdout, writable: stdin }));
    const recorded = record(channel);
    channel.send(frame(1, { payload: Buffer.from('echo') }));
    await recorded.arrived(1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await recorded.closed)?.code).toBe('CHANNEL_CLOSED');
  });

  it('writes the small frames of one tick together, and a large payload uncopied in its place', async () => {
    const writes: Buffer[][] = [];
    const sink = new Duplex({
      read() {},
      writev(chunks, done) {
        writes.push(chunks.map(({ chunk }) => chunk as Buffer));
        done();
      },
    });
    const channel = new StreamChannel(sink);
    const large = Buffer.alloc(100_000, 3);
    for (let call = 0; call < 50; call++) channel.send(frame(call, { payload: Buffer.alloc(100, call) }));
    channel.send(frame(50, { payload: large }));
    channel.send(frame(51));
    await Promise.resolve().then(() => channel.send(frame(52)));
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(writes.map((chunks) => chunks.length)).toEqual([3]);
    expect(writes[0]?.[1]?.buffer).toBe(large.buffer);
    const decoded = new FrameDecoder().push(Buffer.concat(writes.flat()));
    expect(decoded.map(({ call }) => call)).toEqual(Array.from({ length: 53 }, (_, index) => index));
    channel.close();
  });

  it('stops reading while nobody takes its frames, so that the sender is held back', async () => {
    const [near, far] = duplexPair();
    const [sender, receiver] = [
      new StreamChannel(near, { highWaterBytes: 100_000 }),
      new StreamChannel(far, { highWaterBytes: 100_000 }),
    ];
    let sent = 0;
    for (let quietTurns = 0; quietTurns < 5; quietTurns++) {
      while (sender.send(frame(sent, { payload: Buffer.alloc(10_000) })) === 'sent') {
        sent++;
        quietTurns = 0;
      }
      expect(sent).toBeLessThan(60);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const recorded = record(receiver);
    await recorded.arrived(sent);
    expect(recorded.order).toEqual(Array.from({ length: sent }, (_, index) => index));
    sender.close();
    expect(await recorded.closed).toBeUndefined();
  });
});
