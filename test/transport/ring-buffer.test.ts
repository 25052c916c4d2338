import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_KINDS, type Frame } from '../../src/transport/protocol.ts';
import { createRing, RingReader, RingWriter, recordSize } from '../../src/transport/ring-buffer.ts';
import { content, frame } from '../conformance/channel.ts';

const CAPACITY = 1_024;

function makeRing(capacity = CAPACITY) {
  const ring = createRing(capacity);
  return { ring, writer: new RingWriter(ring), reader: new RingReader(ring) };
}

function sized(call: number, metaBytes: number, payloadBytes: number): Frame {
  return frame(call, {
    kind: FRAME_KINDS.result,
    argument: call / 3,
    meta: Buffer.alloc(metaBytes, call),
    payload: Buffer.alloc(payloadBytes, call + 1),
  });
}

describe('a ring', () => {
  it('gives back what a queue would, whatever is written and read in whatever order', () => {
    const action = fc.oneof(
      fc.record({ write: fc.constant(true), meta: fc.nat(60), payload: fc.nat(300) }),
      fc.record({ write: fc.constant(false) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const { writer, reader } = makeRing();
        const model: Frame[] = [];
        let call = 0;
        for (const step of actions) {
          if ('meta' in step) {
            const one = sized(++call, step.meta, step.payload);
            if (writer.tryWrite(one)) model.push(one);
            else expect(model.length).toBeGreaterThan(0);
          } else {
            expect(reader.hasRecord).toBe(model.length > 0);
            const expected = model.shift();
            if (expected) expect(content(reader.read() ?? frame(0))).toEqual(content(expected));
          }
        }
        while (reader.hasRecord) expect(content(reader.read() ?? frame(0))).toEqual(content(model.shift() ?? frame(0)));
        expect(model).toEqual([]);
      }),
    );
  });

  it('wraps around at every offset', () => {
    for (let offset = 0; offset < CAPACITY; offset += 8) {
      const { writer, reader } = makeRing();
      const fillers = offset >= 32 ? [offset - 32] : [];
      for (const bytes of fillers) {
        writer.tryWrite(sized(1, 0, bytes));
        reader.read();
      }
      for (let call = 2; call < 12; call++) {
        const one = sized(call, 3, 200);
        expect(writer.tryWrite(one)).toBe(true);
        expect(content(reader.read() ?? frame(0))).toEqual(content(one));
      }
      expect(reader.hasMore).toBe(false);
    }
  });

  it('goes on when its positions pass 2^31 and 2^32', () => {
    for (const start of [0x7fff_ff00, -256]) {
      const ring = createRing(CAPACITY);
      const words = new Int32Array(ring);
      words[0] = start;
      words[32] = start;
      const [writer, reader] = [new RingWriter(ring), new RingReader(ring)];
      for (let call = 0; call < 20; call++) {
        const one = sized(call, 0, 100);
        expect(writer.tryWrite(one)).toBe(true);
        expect(content(reader.read() ?? frame(0))).toEqual(content(one));
      }
      expect(writer.waitingBytes).toBe(0);
    }
  });

  it('takes no record more than fit, and takes records again once there is room', () => {
    const { writer, reader } = makeRing();
    const fitting = CAPACITY / recordSize(0, 96);
    for (let call = 0; call < fitting; call++) expect(writer.tryWrite(sized(call, 0, 96))).toBe(true);
    expect(writer.tryWrite(sized(99, 0, 0))).toBe(false);
    expect(writer.waitingBytes).toBe(CAPACITY);
    reader.read();
    expect(writer.tryWrite(sized(100, 0, 96))).toBe(true);
    expect(writer.tryWrite(sized(101, 0, 0))).toBe(false);
  });

  it('shows nothing of a record whose writer died before it was whole', () => {
    const { ring, writer, reader } = makeRing();
    writer.tryWrite(sized(1, 0, 8));
    const whole = new Int32Array(ring).slice();
    writer.tryWrite(sized(2, 10, 100));
    // Everything of the second record is there, but for the position that publishes it.
    new Int32Array(ring)[0] = whole[0] ?? 0;
    expect(reader.read()?.call).toBe(1);
    expect(reader.hasMore).toBe(false);
  });

  it('reads no record that cannot be one', () => {
    const word = { kind: 0, meta: 5, payload: 6 };
    for (const [at, value] of [
      [word.kind, 99],
      [word.meta, -5],
      [word.payload, 0x7fff_0000],
    ] as const) {
      const { ring, writer, reader } = makeRing();
      writer.tryWrite(sized(1, 4, 4));
      new Int32Array(ring)[512 / 4 + at] = value;
      expect(reader.read()).toBeUndefined();
    }
  });

  it('asks for one bell for each time that its reader parks, and lets no reader park over what it has not read', () => {
    const { writer, reader } = makeRing();
    expect(writer.takeParked()).toBe(true);
    expect(writer.takeParked()).toBe(false);
    writer.tryWrite(sized(1, 0, 0));
    expect(reader.park()).toBe(false);
    expect(writer.takeParked()).toBe(false);
    reader.read();
    expect(reader.park()).toBe(true);
    expect(writer.takeParked()).toBe(true);
  });

  it('tells once that there is the room that was asked for', () => {
    const { writer, reader } = makeRing();
    for (let call = 0; call < 8; call++) writer.tryWrite(sized(call, 0, 96));
    writer.wantRoom(512);
    const told: boolean[] = [];
    for (let call = 0; call < 8; call++) {
      reader.read();
      told.push(reader.takeRoomWanted());
    }
    expect(told).toEqual([false, false, false, false, true, false, false, false]);
  });
});
