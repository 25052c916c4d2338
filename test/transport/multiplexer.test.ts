import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../src/errors.ts';
import { createLocalChannelPair } from '../../src/transport/local-channel.ts';
import { Multiplexer, type MultiplexerOptions } from '../../src/transport/multiplexer.ts';
import { frame, type Recorded, record } from '../conformance/channel.ts';

const KIB = 1_024;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function linked(farOptions: MultiplexerOptions = {}, highWaterBytes = 64 * KIB) {
  const [nearLink, farLink] = createLocalChannelPair({ highWaterBytes });
  return { nearLink, farLink, near: new Multiplexer(nearLink), far: new Multiplexer(farLink, farOptions) };
}

describe('many channels over one link', () => {
  it('keep their frames and their ends apart', async () => {
    const { near, far } = linked();
    const ports = [1, 2, 3].map((port) => ({ near: near.open(port), atFar: record(far.open(port)) }));
    for (let call = 0; call < 30; call++) ports[call % 3]?.near.send(frame(call));
    ports[1]?.near.close(new TroupeError('OVERLOADED', 'Enough.'));
    ports[0]?.near.send(frame(100));
    expect((await ports[1]?.atFar.closed)?.code).toBe('OVERLOADED');
    await turn();
    expect(ports.map(({ atFar }) => atFar.frames.length)).toEqual([11, 10, 10]);
    expect(ports.map(({ atFar }) => atFar.closes.length)).toEqual([0, 1, 0]);
    expect([near.openPorts, far.openPorts]).toEqual([2, 2]);
  });

  it('all end with the reason of the link', async () => {
    const { near, far, nearLink } = linked();
    const recorded = [near.open(1), near.open(2), far.open(1)].map(record);
    nearLink.close(new TroupeError('AGENT_LOST', 'Gone.'));
    const reasons = await Promise.all(recorded.map(({ closed }) => closed));
    expect(reasons.map((reason) => reason?.code)).toEqual(['AGENT_LOST', 'AGENT_LOST', 'AGENT_LOST']);
    expect((await record(near.open(9)).closed)?.code).toBe('AGENT_LOST');
  });

  it('open at the first frame where the other end wants that, which loses no frame', async () => {
    const opened: Recorded[] = [];
    const { near, far } = linked({ onOpen: (port) => port < 10 && opened.push(record(far.open(port))) });
    near.open(4).send(frame(1));
    near.open(4_000_000_000).send(frame(2));
    await turn();
    expect(opened.map(({ order }) => order)).toEqual([[1]]);
    expect(far.dropped).toBe(1);
  });

  it('never hand a late frame to a later channel of the same number', async () => {
    const opened: number[] = [];
    const { near, far } = linked({ onOpen: (port) => opened.push(port) });
    const [nearEnd, farEnd] = [near.open(5), far.open(5)];
    nearEnd.send(frame(1));
    farEnd.close();
    expect(() => far.open(5)).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
    await turn();
    // Both ends agree by now that it is closed: its frames are gone, and the number is free again.
    expect([opened, far.dropped, nearEnd.isClosed]).toEqual([[], 1, true]);
    const again = record(far.open(5));
    near.open(5).send(frame(2));
    await again.arrived(1);
    expect(again.order).toEqual([2]);
  });

  it('settle when both ends close at the same time, or one was never opened', async () => {
    const { near, far } = linked();
    const [a, b] = [near.open(1), far.open(1)];
    a.close();
    b.close();
    near.open(2).close();
    await turn();
    expect(() => [near.open(1), far.open(1), near.open(2)]).not.toThrow();
  });

  it('refuse numbers that are no port, and ports that are taken', () => {
    const { near } = linked();
    for (const port of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
      expect(() => near.open(port)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    near.open(1);
    expect(() => near.open(1)).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });

  it('are all told when the full link takes frames again, and close in spite of it', async () => {
    const { near, far } = linked();
    const [one, two, three] = [near.open(1), near.open(2), near.open(3)];
    const atThree = record(far.open(3));
    far.open(1);
    far.open(2);
    while (one.send(frame(1, { payload: Buffer.alloc(8 * KIB) })) === 'sent');
    expect(two.send(frame(1))).toBe('full');
    three.close();
    const writable = [one, two].map((channel) => new Promise<void>((resolve) => channel.onWritable(resolve)));
    await Promise.all([...writable, atThree.closed]);
    expect([one.send(frame(2)), two.send(frame(2))]).toEqual(['sent', 'sent']);
  });

  it('do not hold up the link for one whose receiver does not come: that one is closed', async () => {
    const { near, far } = linked({ maxKeptBytes: 32 * KIB });
    const [stuck, healthy] = [record(near.open(1)), record(far.open(2))];
    const stuckEnd = near.open(3);
    far.open(3);
    far.open(1);
    const atStuck = record(stuckEnd);
    for (let call = 0; call < 10; call++) stuckEnd.send(frame(call, { payload: Buffer.alloc(4 * KIB) }));
    expect((await atStuck.closed)?.code).toBe('OVERLOADED');
    near.open(2).send(frame(7));
    await healthy.arrived(1);
    expect(stuck.closes).toEqual([]);
  });
});
