import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import type { ChannelOptions } from '../../src/transport/limits.ts';
import { createLocalChannelPair } from '../../src/transport/local-channel.ts';
import { MessagePortChannel } from '../../src/transport/message-port-channel.ts';
import { Multiplexer } from '../../src/transport/multiplexer.ts';
import { relay } from '../../src/transport/relay.ts';
import { createRing } from '../../src/transport/ring-buffer.ts';
import { RingChannel } from '../../src/transport/ring-channel.ts';
import { StreamChannel } from '../../src/transport/stream-channel.ts';
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

describeChannelConformance('relayed', async (options) => {
  // As an agent process does: the port of a pipe on one side, the port of a thread on the other.
  const link = await pipePair(options);
  const thread = portPair(options);
  relay(new Multiplexer(link.far).open(8), thread.near);
  return { near: new Multiplexer(link.near).open(8), far: thread.far };
});
