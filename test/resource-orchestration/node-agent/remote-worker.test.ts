import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { AgentCommand } from '../../../src/resource-orchestration/node-agent/agent-message.ts';
import type { AgentEvent } from '../../../src/resource-orchestration/node-agent/protocol.ts';
import { RemoteWorker } from '../../../src/resource-orchestration/node-agent/remote-worker.ts';
import { createLocalChannelPair } from '../../../src/transport/local-channel.ts';
import { type Channel, EMPTY, FRAME_KINDS, type Frame, type FrameKind } from '../../../src/transport/protocol.ts';
import { type Recorded, record } from '../../conformance/channel.ts';

const turns = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};
const frame = (kind: FrameKind, call: number): Frame => ({
  kind,
  port: 0,
  call,
  argument: 0,
  meta: EMPTY,
  payload: EMPTY,
});
const STARTED = { type: 'workerStarted', workerId: 'w1', startMs: 5 } as const;
const STOPPED = { type: 'workerStopped', workerId: 'w1', reason: 'crashed' } as const;

let clock: VirtualClock;
let events: AgentEvent[];
/** What had come on the channel when the last event was told. */
let before: readonly (number | 'closed')[];
let commands: AgentCommand[];
let worker: RemoteWorker;
let recorded: Recorded;
/** Brings the wire; its far end is the instance's. */
let connect: () => Channel;

beforeEach(() => {
  clock = new VirtualClock();
  [events, commands, before] = [[], [], []];
  const [near, far] = createLocalChannelPair();
  let take: ((channel: Channel) => void) | undefined;
  let isThere = false;
  connect = () => {
    isThere = true;
    take?.(near);
    return far;
  };
  worker = new RemoteWorker({
    workerId: 'w1',
    kind: 'thread',
    clock,
    desk: {
      claim(_wire, taken) {
        take = taken;
        if (isThere) taken(near);
      },
      release() {
        take = undefined;
      },
    },
    command: (command) => commands.push(command),
    emit: (event) => {
      events.push(event);
      before = [...recorded.order];
    },
    busy: () => {},
    wireEnded: () => {},
  });
  recorded = record(worker.channel);
});

function start(): Channel {
  worker.started(STARTED, 1);
  return connect();
}

describe('a worker of a child agent', () => {
  it('has started when its agent says so and its wire is there, whichever comes first', async () => {
    worker.started(STARTED, 1);
    expect(events).toEqual([]);
    connect();
    expect(events).toEqual([STARTED]);
  });

  it('has started at once when the wire was there before', () => {
    connect();
    worker.started(STARTED, 1);
    expect(events).toEqual([STARTED]);
  });

  it('delivers what was sent to it before its wire was there', async () => {
    worker.channel.send(frame(FRAME_KINDS.invoke, 1));
    const atFar = record(start());
    await atFar.arrived(1);
    expect(atFar.order).toEqual([1]);
  });

  it('has stopped after the last frame of its wire, though its agent said so before', async () => {
    const far = start();
    worker.channel.send(frame(FRAME_KINDS.invoke, 1));
    worker.stopped(STOPPED);
    await turns();
    expect(events).toEqual([STARTED]);
    far.send(frame(FRAME_KINDS.result, 1));
    far.close();
    await turns();
    expect(events.at(-1)).toEqual(STOPPED);
    expect(before).toEqual([1, 'closed']);
    expect(await recorded.closed).toMatchObject({ code: 'INSTANCE_CRASHED' });
  });

  it('keeps the end of its channel until its agent says why, which it is asked for', async () => {
    start().close();
    await turns();
    expect(recorded.order).toEqual([]);
    expect(commands).toEqual([{ type: 'wireBroken', workerId: 'w1' }]);
    worker.stopped(STOPPED);
    expect(await recorded.closed).toMatchObject({ code: 'INSTANCE_CRASHED' });
    expect(events.at(-1)).toEqual(STOPPED);
  });

  it('is not waited for longer than half a second when its wire does not end', async () => {
    start();
    worker.stopped(STOPPED);
    await clock.advance(500);
    await turns();
    expect(events.at(-1)).toEqual(STOPPED);
    expect(await recorded.closed).toMatchObject({ code: 'INSTANCE_CRASHED' });
  });

  it('ends at once when it was abandoned: its wire stays open', async () => {
    start();
    worker.stopped({ ...STOPPED, reason: 'abandoned' });
    expect(events.at(-1)).toMatchObject({ reason: 'abandoned' });
    expect(await recorded.closed).toMatchObject({ code: 'INSTANCE_CRASHED' });
  });

  it('could not be started when its wire does not come in time', async () => {
    worker.started(STARTED, 1);
    await clock.advance(10_000);
    await turns();
    expect(commands).toEqual([{ type: 'stopWorker', workerId: 'w1', graceMs: 0 }]);
    worker.stopped({ ...STOPPED, reason: 'requested' });
    expect(events).toMatchObject([{ type: 'workerStopped', reason: 'start-failed' }]);
  });

  it('is let go when it was told to stop and its last call was answered', async () => {
    const far = start();
    worker.channel.send(frame(FRAME_KINDS.invoke, 1));
    worker.stop(1_000);
    await turns();
    expect(commands.map(({ type }) => type)).toEqual(['stopWorker']);
    far.send(frame(FRAME_KINDS.result, 1));
    await turns();
    expect(commands.map(({ type }) => type)).toEqual(['stopWorker', 'letGo']);
    worker.stopped({ ...STOPPED, reason: 'requested' });
    expect(await recorded.closed).toBeUndefined();
    expect(events.at(-1)).toMatchObject({ type: 'workerStopped', reason: 'requested' });
  });

  it('takes no wire any more once it has stopped', async () => {
    worker.started(STARTED, 1);
    worker.stopped(STOPPED);
    connect();
    expect(events).toEqual([STOPPED]);
  });
});
