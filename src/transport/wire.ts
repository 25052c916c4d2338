/**
 * How an instance of a child agent reaches the control process: it connects to a Unix domain socket there by itself, and says in a hello
 * that it may and which of the agent's wires this is. What follows is a `StreamChannel`: the call channel of the instance.
 *
 * Boundary: the instance's end, and what stands in a hello. Who listens is `node-agent/wire-desk.ts`.
 */
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { StreamChannel, type StreamChannelOptions, type StreamReader } from './stream-channel.ts';

/** Where to connect, and what to say there. */
export interface WireAddress {
  readonly path: string;
  /** In hexadecimal. The control process has given it to the agent of this wire, and to nobody else. */
  readonly secret: string;
  /** Unique within the agent. */
  readonly wire: number;
}

export const SECRET_BYTES = 32;
/** In front of it all, so that whatever else connects is told at once from an instance: "troupe" and a version. */
const MAGIC = Buffer.from('troupe\0\x01', 'latin1');
export const HELLO_BYTES = MAGIC.length + SECRET_BYTES + 4;

export function encodeHello({ secret, wire }: WireAddress): Buffer {
  const hello = Buffer.alloc(HELLO_BYTES);
  MAGIC.copy(hello);
  hello.write(secret, MAGIC.length, 'hex');
  hello.writeUInt32LE(wire, HELLO_BYTES - 4);
  return hello;
}

/** The number of the wire; undefined where the bytes are no hello, or not one with this secret. */
export function readHello(hello: Buffer, secret: string): number | undefined {
  const expected = encodeHello({ path: '', secret, wire: 0 }).subarray(0, -4);
  if (hello.length !== HELLO_BYTES || !timingSafeEqual(hello.subarray(0, -4), expected)) return undefined;
  return hello.readUInt32LE(HELLO_BYTES - 4);
}

/** Resolves with the call channel once it is connected; rejects with why it cannot be. */
export async function connectWire(
  address: WireAddress,
  options: Omit<StreamChannelOptions, 'spinsFor' | 'reads'>,
): Promise<StreamChannel> {
  let reader: StreamReader | undefined;
  // Asked for while the socket is being made, before there is a reader.
  const first = Buffer.alloc(64);
  const socket = connect({
    path: address.path,
    // Into memory of ours: no allocation for each read, none of the steps of a readable stream.
    onread: {
      buffer: () => reader?.space() ?? first,
      callback: (bytes, buffer) => {
        reader?.filled(bytes, buffer);
        return true;
      },
    },
  });
  const connected = once(socket, 'connect');
  // Ahead of every frame. Written when the connection is there.
  socket.write(encodeHello(address));
  const channel = new StreamChannel(socket, {
    ...options,
    spinsFor: 'calls',
    reads: (given) => {
      reader = given;
    },
  });
  // The thread may have nothing else to wait for yet.
  channel.ref();
  await connected;
  channel.unref();
  return channel;
}
