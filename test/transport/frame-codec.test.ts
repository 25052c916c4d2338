import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME_HEAD_BYTES, FrameDecoder } from '../../src/transport/frame-codec.ts';
import { FRAME_KINDS, type Frame } from '../../src/transport/protocol.ts';
import { content, frame } from '../conformance/channel.ts';

const uint32 = fc.nat(0xffff_ffff);
const anyFrame: fc.Arbitrary<Frame> = fc.record({
  kind: fc.constantFrom(...Object.values(FRAME_KINDS)),
  port: uint32,
  call: uint32,
  argument: fc.double(),
  meta: fc.uint8Array({ maxLength: 40 }),
  payload: fc.uint8Array({ maxLength: 200 }),
});
const bytesOf = (frames: readonly Frame[]): Buffer => Buffer.concat(frames.flatMap(encodeFrame));

/** The bytes cut at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

/** A frame whose bytes from `offset` on are replaced. */
function damaged(offset: number, ...replacement: number[]): Buffer {
  const bytes = bytesOf([frame(1, { meta: Buffer.from('meta'), payload: Buffer.from('payload') })]);
  bytes.set(replacement, offset);
  return bytes;
}

describe('frames on a stream', () => {
  it('decode equal however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 40 }), (frames, places) => {
        const decoder = new FrameDecoder();
        const decoded = cut(bytesOf(frames), places).flatMap((chunk) => decoder.push(chunk));
        expect(decoded.map(content)).toEqual(frames.map(content));
        expect(decoder.finish()).toBeUndefined();
      }),
    );
  });

  it('decode equal byte by byte', () => {
    const frames = [frame(1), frame(2, { meta: Buffer.from('abc'), payload: Buffer.alloc(100, 1) }), frame(3)];
    const decoder = new FrameDecoder();
    const decoded = [...bytesOf(frames)].flatMap((byte) => decoder.push(Uint8Array.of(byte)));
    expect(decoded.map(content)).toEqual(frames.map(content));
  });

  it('decode equal when they are read to where the decoder says, however much comes at a time', () => {
    const large = fc
      .record({ size: fc.nat(200_000), fill: fc.nat(255) })
      .map(({ size, fill }) => Buffer.alloc(size, fill));
    const frames = fc.array(fc.tuple(anyFrame, fc.option(large)), { maxLength: 5 });
    fc.assert(
      fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 70_000 })), (drawn, sizes) => {
        const sent = drawn.map(([small, payload]) => (payload ? { ...small, payload } : small));
        const bytes = bytesOf(sent);
        const decoder = new FrameDecoder();
        const decoded: Frame[] = [];
        for (let offset = 0; offset < bytes.length; ) {
          const space = decoder.space();
          const count = bytes.copy(space, 0, offset, Math.min(bytes.length, offset + sizes.next().value));
          offset += count;
          decoded.push(...decoder.filled(count, space));
          // Nothing that was handed over lies where the next bytes go.
          decoder.space().fill(0xee);
        }
        expect(decoded.map(content)).toEqual(sent.map(content));
        expect(decoder.finish()).toBeUndefined();
      }),
      { numRuns: 40 },
    );
  });

  it('allocate a few megabytes at most for what a head declares', () => {
    const head = encodeFrame(frame(1, { payload: Buffer.alloc(0) }))[0] as Buffer;
    head.writeUInt32LE(200_000_000, 0);
    const decoder = new FrameDecoder();
    decoder.push(head);
    expect(decoder.space().buffer.byteLength).toBeLessThanOrEqual(4_194_304);
  });

  it('hand a large payload over without copying it', () => {
    const payload = Buffer.alloc(1_000_000);
    expect(encodeFrame(frame(1, { payload }))[1]).toBe(payload);
  });

  it('end with one typed error and nothing more after any damage, or decode to frames', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        (frames, damages, places) => {
          const bytes = bytesOf(frames);
          for (const [at, value] of damages) bytes[at % bytes.length] = value;
          const decoder = new FrameDecoder({ maxFrameBytes: 1_000 });
          for (const chunk of cut(bytes, places)) {
            const wasBroken = decoder.error !== undefined;
            const decoded = decoder.push(chunk);
            if (wasBroken) expect(decoded).toEqual([]);
          }
          const error = decoder.finish();
          if (error) expect(error.code).toBe('FRAME_INVALID');
        },
      ),
    );
  });

  it.each([
    ['another version', damaged(4, 2), /version 2/],
    ['an unknown kind', damaged(5, 200), /kind 200/],
    ['reserved bytes in use', damaged(6, 1), /reserved/],
    ['a length shorter than the head', damaged(0, 5, 0, 0, 0), /shorter/],
    ['a length over the limit', damaged(0, 255, 255, 255, 255), /allowed/],
    ['a meta longer than the frame', damaged(24, 12, 0, 0, 0), /meta/],
  ])('are refused with %s, and the frames before them kept', (_, bytes, message) => {
    const decoder = new FrameDecoder();
    const decoded = decoder.push(Buffer.concat([bytesOf([frame(7)]), bytes, bytesOf([frame(8)])]));
    expect(decoded.map(({ call }) => call)).toEqual([7]);
    expect(decoder.error).toMatchObject({ code: 'FRAME_INVALID', message: expect.stringMatching(message) });
    expect(decoder.push(bytesOf([frame(9)]))).toEqual([]);
  });

  it('are refused from their head alone, before their content comes', () => {
    const decoder = new FrameDecoder({ maxFrameBytes: 100 });
    decoder.push(bytesOf([frame(1, { payload: Buffer.alloc(101) })]).subarray(0, 4));
    expect(decoder.error?.code).toBe('FRAME_INVALID');
    const atLimit = new FrameDecoder({ maxFrameBytes: 100 });
    expect(atLimit.push(bytesOf([frame(1, { payload: Buffer.alloc(100) })]))).toHaveLength(1);
  });

  it('do not make the decoder allocate what they merely declare', () => {
    const before = process.memoryUsage().arrayBuffers;
    const head = bytesOf([frame(1)]);
    head.writeUInt32LE(FRAME_HEAD_BYTES - 4 + 250_000_000, 0);
    const decoders = Array.from({ length: 20 }, () => new FrameDecoder());
    for (const decoder of decoders) decoder.push(head);
    expect(decoders.every(({ error }) => error === undefined)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  it('are torn when the stream ends inside one', () => {
    const bytes = bytesOf([frame(1, { payload: Buffer.alloc(50) })]);
    for (const length of [1, 4, FRAME_HEAD_BYTES, bytes.length - 1]) {
      const decoder = new FrameDecoder();
      expect(decoder.push(bytes.subarray(0, length))).toEqual([]);
      expect(decoder.finish()?.code).toBe('FRAME_INVALID');
    }
  });
});
