import { describe, expect, it } from 'vitest';
import type { SerializedError } from '../../../src/errors.ts';
import { InstanceConnection } from '../../../src/function-management/instance/connection.ts';
import type { InstanceCall, InstanceObserver } from '../../../src/function-management/instance/protocol.ts';
import { decodeMeta, encodeMeta } from '../../../src/transport/codec.ts';
import { createLocalChannelPair } from '../../../src/transport/local-channel.ts';
import { type Channel, EMPTY, FRAME_KINDS, type Frame } from '../../../src/transport/protocol.ts';

const frameOf = (frame: Partial<Frame>): Frame => ({
  kind: FRAME_KINDS.nestedInvoke,
  port: 0,
  call: 1,
  argument: 0,
  meta: EMPTY,
  payload: EMPTY,
  ...frame,
});

const callOf = (id: string): InstanceCall => ({
  id,
  payload: EMPTY,
  mode: 'value',
  depth: 0,
  attempt: 1,
  idempotencyKey: undefined,
  remainingMs: () => 1_000,
  succeeded: () => {},
  failed: () => {},
  lost: () => {},
  chunk: () => {},
  alive: () => undefined,
});

function connect(nestedCall: InstanceObserver['nestedCall'], highWaterBytes?: number): [InstanceConnection, Channel] {
  const [near, far] = createLocalChannelPair(highWaterBytes === undefined ? {} : { highWaterBytes });
  const connection = new InstanceConnection({
    origin: { instanceId: 'f-1-1', functionName: 'f', functionVersion: 1 },
    channel: near,
    observer: { starting: () => {}, ready: () => {}, gone: () => {}, callLeft: () => {}, log: () => {}, nestedCall },
    mapError: (error) => error,
    onReady: () => {},
    onClosed: () => {},
  });
  connection.dispatch(callOf('parent'));
  return [connection, far];
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('connection', () => {
  it('answers a nested call that is refused before it has begun', async () => {
    const [, far] = connect((_parent, _meta, _payload, answer) => {
      answer.failed({ name: 'TroupeError', message: 'full', code: 'OVERLOADED' });
      return { cancel: () => {} };
    });
    const got: Frame[] = [];
    far.onFrame((frame) => got.push(frame));
    far.send(frameOf({ call: 7, meta: encodeMeta({ name: 'g', parentCall: 1 }) }));
    await turn();
    const failure = got.find(({ kind }) => kind === FRAME_KINDS.nestedFailure);
    expect(failure?.call).toBe(7);
    expect(failure && decodeMeta<SerializedError>(failure.meta).code).toBe('OVERLOADED');
  });

  it('brings every answer of a nested call, every grant and every cancellation through a channel that was full', async () => {
    const [connection, far] = connect((_parent, _meta, payload, answer) => {
      answer.succeeded(payload);
      return { cancel: () => {} };
    }, 1_000);
    const call = callOf('other');
    connection.dispatch(call);
    const payload = new Uint8Array(900);
    for (let number = 1; number <= 4; number++) {
      far.send(frameOf({ call: number, meta: encodeMeta({ name: 'g', parentCall: 1 }), payload }));
      await turn();
    }
    connection.grant(call, 8);
    connection.cancel(call, 'cancelled');
    const got: Frame[] = [];
    // What came so far was kept for the receiver; from here on the channel drains.
    far.onFrame((frame) => got.push(frame));
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(got.filter(({ kind }) => kind === FRAME_KINDS.nestedResult).map(({ call: number }) => number)).toEqual([
      1, 2, 3, 4,
    ]);
    expect(got.slice(-2).map(({ kind }) => kind)).toEqual([FRAME_KINDS.credit, FRAME_KINDS.cancel]);
  });
});
