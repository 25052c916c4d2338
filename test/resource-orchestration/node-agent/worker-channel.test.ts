import { beforeEach, expect, it, vi } from 'vitest';
import { TroupeError } from '../../../src/errors.ts';
import { WorkerChannel } from '../../../src/resource-orchestration/node-agent/worker-channel.ts';
import { createLocalChannelPair } from '../../../src/transport/local-channel.ts';
import { type Channel, EMPTY, FRAME_KINDS, type Frame, type FrameKind } from '../../../src/transport/protocol.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const frame = (kind: FrameKind, call = 1): Frame => ({ kind, port: 0, call, argument: 0, meta: EMPTY, payload: EMPTY });
const died = new TroupeError('OUT_OF_MEMORY', 'It was too much.');
const lost = { wasAsked: false, atOnce: false };

let channel: WorkerChannel;
let far: Channel;
const closed = vi.fn();
const events = { busy: vi.fn(), idle: vi.fn(), broken: vi.fn() };

beforeEach(() => {
  vi.clearAllMocks();
  const [near, other] = createLocalChannelPair();
  far = other;
  channel = new WorkerChannel(near, events);
  channel.onClose(closed);
});

it('knows when calls are inside', async () => {
  channel.onFrame(() => {});
  channel.send(frame(FRAME_KINDS.invoke, 1));
  channel.send(frame(FRAME_KINDS.invoke, 2));
  channel.send(frame(FRAME_KINDS.cancel, 2));
  expect(channel.inFlight).toBe(2);
  far.send(frame(FRAME_KINDS.chunk, 1));
  far.send(frame(FRAME_KINDS.end, 1));
  far.send(frame(FRAME_KINDS.failure, 2));
  await turn();
  expect(channel.inFlight).toBe(0);
  expect(events.busy).toHaveBeenCalledTimes(1);
  expect(events.idle).toHaveBeenCalledTimes(1);
});

it.each([
  ['vanishes', new TroupeError('CHANNEL_CLOSED', 'gone')],
  ['says goodbye without having been asked to', undefined],
])('holds the end back until it is explained, when the other end %s', async (_how, error) => {
  const received: Frame[] = [];
  far.send(frame(FRAME_KINDS.result));
  far.close(error);
  await turn();
  channel.onFrame((next) => received.push(next));
  await turn();
  expect(events.broken).toHaveBeenCalledTimes(1);
  expect(closed).not.toHaveBeenCalled();
  channel.explain(died, lost);
  expect(closed).toHaveBeenCalledExactlyOnceWith(died);
  expect(received).toHaveLength(1);
});

it('is told the reason ahead of the end, and waits for the end', async () => {
  channel.explain(died, lost);
  expect(closed).not.toHaveBeenCalled();
  far.close(new TroupeError('CHANNEL_CLOSED', 'gone'));
  await turn();
  expect(closed).toHaveBeenCalledExactlyOnceWith(died);
  expect(events.broken).not.toHaveBeenCalled();
});

it('does not wait for an end that never comes', async () => {
  channel.explain(died, { wasAsked: false, atOnce: true });
  await turn();
  expect(closed).toHaveBeenCalledExactlyOnceWith(died);
});

it('closes without an error when the worker was asked to go and said goodbye', async () => {
  far.close();
  await turn();
  channel.explain(died, { wasAsked: true, atOnce: false });
  expect(closed).toHaveBeenCalledExactlyOnceWith();
});

it('closes at once when this side closes it', async () => {
  channel.close();
  await turn();
  expect(closed).toHaveBeenCalledExactlyOnceWith();
  expect(channel.isClosed).toBe(true);
  expect(channel.send(frame(FRAME_KINDS.invoke))).toBe('closed');
});

it('passes a reason of its own on at once', async () => {
  const reason = new TroupeError('OVERLOADED', 'too slow');
  far.close(reason);
  await turn();
  expect(closed).toHaveBeenCalledExactlyOnceWith(reason);
});
