/** The rehearsal of a thread: also over the wires that a thread has, both ends in this one. */
import { duplexPair } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { expose, type Remote, releaseProxy, wrap } from 'comlink';
import { AttendingEnd, CallingEnd, createBell } from '../transport/control-port.ts';
import type { InstanceControl } from '../transport/instance-control.ts';
import { createRing } from '../transport/ring-buffer.ts';
import { RingChannel } from '../transport/ring-channel.ts';
import { StreamChannel } from '../transport/stream-channel.ts';
import { rehearsalImage, rehearse } from './rehearsal.ts';

const RING_BYTES = 4_096;

export async function rehearseThread({ hasWire }: { readonly hasWire: boolean }): Promise<void> {
  await rehearse(hasWire ? connectStreams : connectRings);
  await rehearseControl();
}

/** As over a wire, but for the socket. */
function connectStreams(): readonly [StreamChannel, StreamChannel] {
  const [near, far] = duplexPair();
  return [new StreamChannel(near, { spinsFor: 'answers' }), new StreamChannel(far, { spinsFor: 'calls' })];
}

function connectRings(): readonly [RingChannel, RingChannel] {
  const { port1, port2 } = new MessageChannel();
  const [there, back] = [createRing(RING_BYTES), createRing(RING_BYTES)];
  return [
    new RingChannel({ port: port1, outgoing: there, incoming: back, spinsFor: 'answers' }),
    new RingChannel({ port: port2, outgoing: back, incoming: there, spinsFor: 'calls' }),
  ];
}

async function rehearseControl(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const bell = createBell();
  const near = new CallingEnd(port1, bell);
  const far = new AttendingEnd(port2, bell);
  const control: InstanceControl = {
    specialise: async () => ({ kind: 'ready', manifest: { shape: 'value', config: {} }, tookMs: 0 }),
  };
  expose(control, far);
  const remote = wrap(near) as unknown as Remote<InstanceControl>;
  const image = rehearsalImage();
  for (let time = 0; time < 8; time++) {
    const outcome = remote.specialise(image);
    port1.ref();
    far.attend();
    await outcome;
  }
  remote[releaseProxy]();
  near.close();
}
