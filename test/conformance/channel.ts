/** What every channel driver promises, as one suite. */
import { afterEach, describe, expect, it } from 'vitest';
import { TroupeError } from '../../src/errors.ts';
import type { ChannelOptions } from '../../src/transport/limits.ts';
import { type Channel, EMPTY, FRAME_KINDS, type Frame } from '../../src/transport/protocol.ts';

export interface ChannelPair {
  readonly near: Channel;
  readonly far: Channel;
}

export type MakePair = (options?: ChannelOptions) => Promise<ChannelPair>;

export function frame(call: number, overrides: Partial<Frame> = {}): Frame {
  return { kind: FRAME_KINDS.invoke, port: 0, call, argument: 0, meta: EMPTY, payload: EMPTY, ...overrides };
}

/** Everything that one end delivers, in order: frames, then the end. */
export interface Recorded {
  readonly frames: Frame[];
  readonly closes: (TroupeError | undefined)[];
  /** What happened, in order: the numbers of calls, and `closed`. */
  readonly order: (number | 'closed')[];
  readonly closed: Promise<TroupeError | undefined>;
  arrived(count: number): Promise<void>;
}

export function record(channel: Channel): Recorded {
  const frames: Frame[] = [];
  const closes: (TroupeError | undefined)[] = [];
  const order: (number | 'closed')[] = [];
  const waiting: { readonly count: number; resolve(): void }[] = [];
  channel.onFrame((received) => {
    frames.push(received);
    order.push(received.call);
    for (const { count, resolve } of waiting) if (frames.length >= count) resolve();
  });
  const closed = new Promise<TroupeError | undefined>((resolve) => {
    channel.onClose((error) => {
      closes.push(error);
      order.push('closed');
      resolve(error);
    });
  });
  const arrived = (count: number) =>
    new Promise<void>((resolve) => {
      if (frames.length >= count) resolve();
      else waiting.push({ count, resolve });
    });
  return { frames, closes, order, closed, arrived };
}

/** The port of a delivered frame is the link's business, and bytes may arrive as Buffers. */
export function content({ kind, call, argument, meta, payload }: Frame) {
  return { kind, call, argument, meta: [...meta], payload: [...payload] };
}

const KIB = 1_024;

export function describeChannelConformance(name: string, makePair: MakePair): void {
  describe(`a ${name} channel`, () => {
    const opened: Channel[] = [];
    const pair = async (options?: ChannelOptions): Promise<ChannelPair> => {
      const made = await makePair(options);
      opened.push(made.near, made.far);
      // A test waits for the channel, so the channel keeps the test alive.
      made.near.ref();
      made.far.ref();
      return made;
    };
    afterEach(() => {
      for (const channel of opened.splice(0)) channel.close();
    });

    it('delivers frames whole and in the order of sending, both ways', async () => {
      const { near, far } = await pair();
      const [atNear, atFar] = [record(near), record(far)];
      const sent = Array.from({ length: 500 }, (_, index) =>
        frame(index, {
          kind: index % 2 === 0 ? FRAME_KINDS.result : FRAME_KINDS.log,
          argument: index / 3,
          meta: Buffer.alloc(index % 7, index),
          payload: Buffer.alloc((index * 37) % 3_000, index),
        }),
      );
      for (const one of sent) {
        expect(near.send(one)).toBe('sent');
        expect(far.send(one)).toBe('sent');
      }
      await Promise.all([atNear.arrived(500), atFar.arrived(500)]);
      expect(atFar.frames.map(content)).toEqual(sent.map(content));
      expect(atNear.frames.map(content)).toEqual(sent.map(content));
    });

    it('carries empty meta, empty payload, the largest numbers and an argument that is no number', async () => {
      const { near, far } = await pair();
      const atFar = record(far);
      const sent = [
        frame(0),
        frame(0xffff_ffff, { argument: Number.MAX_SAFE_INTEGER }),
        frame(1, { argument: Number.NaN }),
        frame(2, { meta: Buffer.from('meta only') }),
        frame(3, { payload: Buffer.from('payload only') }),
      ];
      for (const one of sent) near.send(one);
      await atFar.arrived(sent.length);
      expect(atFar.frames.map(content)).toEqual(sent.map(content));
    });

    it('carries 8 MiB in one frame, between small ones', async () => {
      const { near, far } = await pair();
      const atFar = record(far);
      const payload = Buffer.alloc(8 * KIB * KIB);
      for (let index = 0; index < payload.length; index += 4_093) payload[index] = index % 251;
      near.send(frame(1));
      near.send(frame(2, { meta: Buffer.from('big'), payload }));
      near.send(frame(3));
      await atFar.arrived(3);
      expect(atFar.order).toEqual([1, 2, 3]);
      expect(payload.equals(atFar.frames[1]?.payload ?? EMPTY)).toBe(true);
    });

    it('carries a part of a larger buffer, and leaves that buffer alone', async () => {
      const { near, far } = await pair();
      const atFar = record(far);
      const pool = Buffer.alloc(512 * KIB, 7);
      const sent = frame(1, { meta: pool.subarray(10, 5_000), payload: pool.subarray(200 * KIB, 300 * KIB) });
      near.send(sent);
      await atFar.arrived(1);
      expect(pool.length).toBe(512 * KIB);
      expect(atFar.frames[0]?.meta.length).toBe(4_990);
      expect(Buffer.alloc(100 * KIB, 7).equals(atFar.frames[0]?.payload ?? EMPTY)).toBe(true);
    });

    it('carries what is given away, and takes nothing from those who give a part of it, or nothing', async () => {
      const { near, far } = await pair();
      const atFar = record(far);
      const sizes = [1, 5 * KIB, 40 * KIB, 200 * KIB];
      const shared = Buffer.alloc(400 * KIB, 3);
      const kept = Buffer.alloc(200 * KIB, 4);
      for (const bytes of sizes) near.send(frame(bytes, { payload: Buffer.alloc(bytes, bytes % 251), isGiven: true }));
      near.send(frame(1, { payload: shared.subarray(KIB, 300 * KIB), isGiven: true }));
      near.send(frame(2, { payload: kept, isGiven: false }));
      await atFar.arrived(sizes.length + 2);
      expect(atFar.frames.map(({ payload }) => payload.length)).toEqual([...sizes, 299 * KIB, 200 * KIB]);
      expect(atFar.frames.map(({ payload }) => payload[0])).toEqual([...sizes.map((bytes) => bytes % 251), 3, 4]);
      expect([shared.length, shared[0], shared[350 * KIB], kept.length]).toEqual([400 * KIB, 3, 3, 200 * KIB]);
    });

    it('leaves what is given away to its sender while it is full', async () => {
      const { near, far } = await pair({ highWaterBytes: 128 * KIB });
      let refused: Frame | undefined;
      for (let call = 0; !refused && call < 20; call++) {
        const one = frame(call, { payload: Buffer.alloc(64 * KIB, 5), isGiven: true });
        if (near.send(one) === 'full') refused = one;
      }
      expect(Buffer.alloc(64 * KIB, 5).equals(refused?.payload ?? EMPTY)).toBe(true);
      await record(far).arrived(1);
    });

    it('keeps frames until there is a receiver', async () => {
      const { near, far } = await pair();
      near.send(frame(1));
      near.send(frame(2));
      // The answer proves that both frames are at the far end already.
      const atNear = record(near);
      far.send(frame(9));
      await atNear.arrived(1);
      const atFar = record(far);
      near.send(frame(3));
      await atFar.arrived(3);
      expect(atFar.order).toEqual([1, 2, 3]);
    });

    it('delivers what was sent before an orderly close, then the close, once and without an error, at both ends', async () => {
      const { near, far } = await pair();
      const [atNear, atFar] = [record(near), record(far)];
      for (let call = 1; call <= 100; call++) near.send(frame(call, { payload: Buffer.alloc(KIB) }));
      near.close();
      near.close();
      expect(near.isClosed).toBe(true);
      expect(await atFar.closed).toBeUndefined();
      expect(await atNear.closed).toBeUndefined();
      expect(atFar.order).toEqual([...Array.from({ length: 100 }, (_, index) => index + 1), 'closed']);
      far.close(new TroupeError('INTERNAL', 'Too late.'));
      expect(atFar.closes).toHaveLength(1);
      expect(atNear.closes).toHaveLength(1);
      expect(far.isClosed).toBe(true);
    });

    it('keeps what came before a close until there is a receiver', async () => {
      const { near, far } = await pair();
      const atNear = record(near);
      near.send(frame(1));
      near.close();
      await atNear.closed;
      const atFar = record(far);
      await atFar.closed;
      expect(atFar.order).toEqual([1, 'closed']);
    });

    it('tells both ends why it broke', async () => {
      const { near, far } = await pair();
      const [atNear, atFar] = [record(near), record(far)];
      near.close(new TroupeError('OVERLOADED', 'Too much.', { details: { limit: 3 } }));
      for (const error of [await atFar.closed, await atNear.closed]) {
        expect(error).toBeInstanceOf(TroupeError);
        expect(error).toMatchObject({ code: 'OVERLOADED', message: 'Too much.', details: { limit: 3 } });
      }
    });

    it("answers 'closed' after the close of either end, and delivers nothing any more", async () => {
      const { near, far } = await pair();
      const [atNear, atFar] = [record(near), record(far)];
      near.close();
      far.send(frame(1));
      expect(near.send(frame(2))).toBe('closed');
      await Promise.all([atFar.closed, atNear.closed]);
      expect(far.send(frame(3))).toBe('closed');
      expect(atNear.frames).toEqual([]);
      expect(atFar.frames).toEqual([]);
    });

    it('calls back at once when it was closed before anybody asked', async () => {
      const { near, far } = await pair();
      const atFar = record(far);
      near.close(new TroupeError('OVERLOADED', 'Too much.'));
      await atFar.closed;
      let told: TroupeError | undefined;
      far.onClose((error) => {
        told = error;
      });
      expect(told?.code).toBe('OVERLOADED');
    });

    it("answers 'too-large' for a frame over the limit, and lives on", async () => {
      const { near, far } = await pair({ maxFrameBytes: 10 * KIB });
      const atFar = record(far);
      expect(near.send(frame(1, { payload: Buffer.alloc(10 * KIB + 1) }))).toBe('too-large');
      expect(near.send(frame(2, { meta: Buffer.alloc(6 * KIB), payload: Buffer.alloc(6 * KIB) }))).toBe('too-large');
      expect(near.send(frame(3, { payload: Buffer.alloc(10 * KIB) }))).toBe('sent');
      await atFar.arrived(1);
      expect(atFar.order).toEqual([3]);
    });

    it("answers 'full' above the high-water mark, takes no such frame, and says when it takes frames again", async () => {
      const { near, far } = await pair({ highWaterBytes: 128 * KIB });
      const atFar = record(far);
      let sent = 0;
      for (let round = 1; round <= 3; round++) {
        const writable = new Promise<void>((resolve) => near.onWritable(resolve));
        const before = sent;
        while (near.send(frame(sent, { payload: Buffer.alloc(4 * KIB) })) === 'sent') {
          sent++;
          expect(sent - before).toBeLessThan(100);
        }
        await writable;
        expect(near.send(frame(sent))).toBe('sent');
        sent++;
      }
      await atFar.arrived(sent);
      expect(atFar.order).toEqual(Array.from({ length: sent }, (_, index) => index));
    });

    it('may hold the process or let it go, open or closed', async () => {
      const { near, far } = await pair();
      const atFar = record(far);
      near.ref();
      near.unref();
      near.close();
      await atFar.closed;
      near.ref();
      near.unref();
      far.unref();
    });

    it('does not disturb another channel when it breaks', async () => {
      const [broken, healthy] = [await pair(), await pair()];
      const atFar = record(healthy.far);
      healthy.near.send(frame(1));
      broken.near.close(new TroupeError('FRAME_INVALID', 'Broken.'));
      await record(broken.far).closed;
      healthy.near.send(frame(2));
      await atFar.arrived(2);
      expect(atFar.order).toEqual([1, 2]);
      expect(healthy.near.isClosed).toBe(false);
    });
  });
}
