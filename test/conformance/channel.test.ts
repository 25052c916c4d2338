import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { LateChannel } from '../../src/resource-orchestration/node-agent/late-channel.ts';
import { WireDesk } from '../../src/resource-orchestration/node-agent/wire-desk.ts';
import type { ChannelOptions } from '../../src/transport/limits.ts';
import { createLocalChannelPair } from '../../src/transport/local-channel.ts';
import { MessagePortChannel } from '../../src/transport/message-port-channel.ts';
import { Multiplexer } from '../../src/transport/multiplexer.ts';
import type { Channel } from '../../src/transport/protocol.ts';
import { createRing } from '../../src/transport/ring-buffer.ts';
import { RingChannel } from '../../src/transport/ring-channel.ts';
import { StreamChannel } from '../../src/transport/stream-channel.ts';
import { connectWire } from '../../src/transport/wire.ts';
import { describeChannelConformance } from './channel.ts';

async function socketPair(): Promise<[Socket, Socket]> {
  const directory = mkdtempSync(join(tmpdir(), 'channel-'));
  const path = join(directory, 's');
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const near = connect(path);
  const far = await accepted;
  server.close();
  rmSync(directory, { recursive: true, force: true });
  return [near, far];
}

function portPair(options?: ChannelOptions) {
  const { port1, port2 } = new MessageChannel();
  return { near: new MessagePortChannel(port1, options), far: new MessagePortChannel(port2, options) };
}

function ringPair(options?: ChannelOptions, ringBytes?: number) {
  const { port1, port2 } = new MessageChannel();
  const [there, back] = [createRing(ringBytes), createRing(ringBytes)];
  return {
    near: new RingChannel({ ...options, port: port1, outgoing: there, incoming: back, spinsFor: 'answers' }),
    far: new RingChannel({ ...options, port: port2, outgoing: back, incoming: there, spinsFor: 'calls' }),
  };
}

async function pipePair(options?: ChannelOptions) {
  const [near, far] = await socketPair();
  return { near: new StreamChannel(near, options), far: new StreamChannel(far, options) };
}

describeChannelConformance('local', async (options) => {
  const [near, far] = createLocalChannelPair(options);
  return { near, far };
});

describeChannelConformance('MessagePort', async (options) => portPair(options));

describeChannelConformance('ring', async (options) => ringPair(options));

describeChannelConformance('small ring', async (options) => ringPair(options, 4_096));

describeChannelConformance('pipe', pipePair);

describeChannelConformance('Duplex', async (options) => {
  const [near, far] = duplexPair();
  return { near: new StreamChannel(near, options), far: new StreamChannel(far, options) };
});

describeChannelConformance('port of a pipe', async (options) => {
  const link = await pipePair(options);
  return { near: new Multiplexer(link.near).open(3), far: new Multiplexer(link.far).open(3) };
});

/** As an instance of a child agent has it: through the desk of its host, into memory of the channel's own. */
async function wirePair(options?: ChannelOptions) {
  const desk = new WireDesk(options);
  const far = connectWire({ ...desk.address, wire: 7 }, { ...options });
  const near = await new Promise<Channel>((resolve) => desk.claim(7, resolve));
  desk.close();
  return { near, far: await far };
}

describeChannelConformance('wire', wirePair);

describeChannelConformance('late', async (options) => {
  const { near, far } = await pipePair(options);
  const [lateNear, lateFar] = [new LateChannel(), new LateChannel()];
  lateNear.become(near);
  setImmediate(() => lateFar.become(far));
  return { near: lateNear, far: lateFar };
});
