import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCallMeta, encodeCallMeta } from '../../src/transport/call-meta.ts';
import type { CallMeta } from '../../src/transport/protocol.ts';

const metas: fc.Arbitrary<CallMeta> = fc
  .record({
    id: fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 20 })),
    mode: fc.constantFrom('value', 'stream', 'http'),
    attempt: fc.integer({ min: 1, max: 400 }),
    depth: fc.nat(400),
    key: fc.option(fc.string(), { nil: undefined }),
  })
  .map(({ key, ...meta }) => (key === undefined ? meta : { ...meta, key }));

describe('the facts about a call', () => {
  it('arrive as they were, whatever they are', () => {
    fc.assert(
      fc.property(metas, (meta) => {
        expect(decodeCallMeta(encodeCallMeta(meta))).toEqual(meta);
      }),
    );
  });

  it('take four bytes and the id', () => {
    expect(encodeCallMeta({ id: 'a1b2-3', mode: 'http', attempt: 2, depth: 1 })).toHaveLength(10);
  });
});
