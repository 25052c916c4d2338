/** The rehearsal of a thread: also over the wires that a thread has, both ends in this one. */
import { duplexPair } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { AttendingEnd, CallingEnd, createBell } from '../transport/control-port.ts';
import { createRing } from '../transport/ring-buffer.ts';
import { RingChannel } from '../transport/ring-channel.ts';
import { StreamChannel } from '../transport/stream-channel.ts';
import { rehearsalImage, rehearse, type Wires } from './rehearsal.ts';
import { twoTurns } from './two-turns.ts';

const RING_BYTES = 4_096;
const TIMES = 4;

export async function rehearseThread({ hasWire }: { readonly hasWire: boolean }): Promise<void> {
  await rehearse(hasWire ? connectStreams : connectRings);
  await rehearseControl();
}

/** As over a wire, but for the socket. */
function connectStreams(): Wires {
  const [one, other] = duplexPair();
  const near = new StreamChannel(one, { spinsFor: 'answers' });
  return { near, far: new StreamChannel(other, { spinsFor: 'calls' }), catchUp: twoTurns };
}

function connectRings(): Wires {
  const { port1, port2 } = new MessageChannel();
  const [there, back] = [createRing(RING_BYTES), createRing(RING_BYTES)];
  const near = new RingChannel({ port: port1, outgoing: there, incoming: back, spinsFor: 'answers' });
  const far = new RingChannel({ port: port2, outgoing: back, incoming: there, spinsFor: 'calls' });
  return { near, far, catchUp: () => void far.poll() };
}

/** What a spare is told when it becomes a function, on both ways on which that may come. */
async function rehearseControl(): Promise<void> {
  const image = rehearsalImage();
  for (let time = 0; time < TIMES; time++) {
    const { port1, port2 } = new MessageChannel();
    const bell = createBell();
    const near = new CallingEnd(port1, bell);
    const far = new AttendingEnd(port2, bell);
    far.onSpecialise(() => far.specialised({ kind: 'ready', manifest: { shape: 'value', config: {} }, tookMs: 0 }));
    port1.ref();
    for (let way = 0; way < 2; way++) {
      const outcome = near.specialise(image);
      far.attend();
      await outcome;
    }
    near.close();
  }
}
