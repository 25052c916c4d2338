import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { EMPTY, FRAME_KINDS } from '../../src/transport/protocol.ts';
import { StreamChannel } from '../../src/transport/stream-channel.ts';

/** How often the event loop is kept turning for an answer that never comes. */
async function turnsFor(spin: boolean): Promise<number> {
  const channel = new StreamChannel(new PassThrough(), { spinsFor: 'answers', spin });
  const spy = vi.spyOn(globalThis, 'setImmediate');
  try {
    channel.send({ kind: FRAME_KINDS.invoke, port: 1, call: 1, argument: 1, meta: EMPTY, payload: EMPTY });
    return spy.mock.calls.length;
  } finally {
    spy.mockRestore();
    channel.close();
  }
}

describe('a stream channel', () => {
  it('keeps its event loop turning for an answer where it may, and not where it may not', async () => {
    expect(await turnsFor(true)).toBe(1);
    expect(await turnsFor(false)).toBe(0);
  });
});
