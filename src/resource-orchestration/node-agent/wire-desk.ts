/**
 * Where the instances of one child agent connect to: a Unix domain socket in a directory that only this user can enter. Whoever connects
 * says in a hello that it may and which wire of the agent this is; the owner of the desk claims wires by their number.
 *
 * What is no instance harms nothing: without a hello it is closed after a while, with a wrong one at once, and there are bounds on how
 * many may be there unheard and unclaimed.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { StreamChannel, type StreamChannelOptions } from '../../transport/stream-channel.ts';
import { HELLO_BYTES, readHello, SECRET_BYTES, type WireAddress } from '../../transport/wire.ts';
import { afterReading } from './after-reading.ts';

/** An instance says hello as soon as it is connected; a machine under heavy load takes a thousand times longer than it should. */
const HELLO_TIMEOUT_MS = 5_000;
const MAX_UNHEARD = 64;
/** Each spare has one, and so has each worker whose agent has not reported it yet. */
const MAX_UNCLAIMED = 256;
/** The kernel takes 107 bytes on Linux, 103 on macOS. */
const MAX_PATH_BYTES = 103;
const SOCKET_NAME = 'wires';

export interface WireDeskOptions extends Omit<StreamChannelOptions, 'spinsFor' | 'reads'> {
  readonly clock?: Clock;
}

type TakeWire = (channel: StreamChannel) => void;

const openDesks = new Set<string>();
let isListening = false;

/** A host that ends without closing its desks. One listener for all, however many: Node warns of more than ten. */
function removeWithProcess(path: string): void {
  openDesks.add(path);
  if (isListening) return;
  isListening = true;
  process.once('exit', () => {
    for (const each of openDesks) removeDesk(each);
  });
}

export class WireDesk {
  /** Without the number. */
  readonly address: Omit<WireAddress, 'wire'>;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #channelOptions: StreamChannelOptions;
  readonly #unheard = new Set<Socket>();
  readonly #unclaimed = new Map<number, StreamChannel>();
  readonly #awaited = new Map<number, TakeWire>();

  /** Throws where no directory can be made. It keeps no process alive. */
  constructor({ clock = systemClock, ...options }: WireDeskOptions = {}) {
    this.#clock = clock;
    this.#channelOptions = { ...options, spinsFor: 'answers' };
    this.address = { path: join(makeDirectory(), SOCKET_NAME), secret: randomBytes(SECRET_BYTES).toString('hex') };
    removeWithProcess(this.address.path);
    this.#server = createServer((socket) => this.#connected(socket));
    // Whoever waits for a wire gives up after a while.
    this.#server.on('error', () => {});
    this.#server.listen(this.address.path).unref();
  }

  /** `take` is called once, with the channel of this wire, at once or as soon as it is there. */
  claim(wire: number, take: TakeWire): void {
    const channel = this.#unclaimed.get(wire);
    if (!channel) this.#awaited.set(wire, take);
    else {
      this.#unclaimed.delete(wire);
      take(channel);
    }
  }

  /** It is not waited for any more. */
  release(wire: number): void {
    this.#awaited.delete(wire);
  }

  /** Takes no more. Wires that were claimed are their owners'. */
  close(): void {
    this.#server.close();
    for (const socket of this.#unheard) socket.destroy();
    for (const channel of this.#unclaimed.values()) channel.close();
    this.#unclaimed.clear();
    this.#awaited.clear();
    openDesks.delete(this.address.path);
    removeDesk(this.address.path);
  }

  #connected(socket: Socket): void {
    if (this.#unheard.size >= MAX_UNHEARD) return void socket.destroy();
    this.#unheard.add(socket.unref());
    const cancelTimeout = afterReading(this.#clock, HELLO_TIMEOUT_MS, () => socket.destroy());
    const forget = () => {
      cancelTimeout();
      this.#unheard.delete(socket);
    };
    let heard = Buffer.alloc(0);
    const hear = (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length < HELLO_BYTES) return;
      socket.off('data', hear);
      socket.off('close', forget);
      forget();
      this.#heard(socket, heard);
    };
    socket.on('data', hear);
    socket.on('close', forget);
    socket.on('error', () => {});
  }

  #heard(socket: Socket, bytes: Buffer): void {
    const wire = readHello(bytes.subarray(0, HELLO_BYTES), this.address.secret);
    const take = wire === undefined ? undefined : this.#awaited.get(wire);
    const isWelcome = wire !== undefined && (take || this.#unclaimed.size < MAX_UNCLAIMED);
    if (!isWelcome || this.#unclaimed.has(wire) || !this.#server.listening) return void socket.destroy();
    const channel = new StreamChannel(socket, this.#channelOptions);
    if (bytes.length > HELLO_BYTES) socket.unshift(bytes.subarray(HELLO_BYTES));
    this.#awaited.delete(wire);
    if (take) return take(channel);
    this.#unclaimed.set(wire, channel);
    channel.onClose(() => this.#unclaimed.get(wire) === channel && this.#unclaimed.delete(wire));
  }
}

/** By either side, should the other one be killed. */
export function removeDesk(path: string): void {
  try {
    rmSync(path, { force: true });
    rmdirSync(dirname(path));
  } catch {
    // The other side was first.
  }
}

/** Only this user may enter it. Where the directory for temporary files lies too deep for the path of a socket, `/tmp` does not. */
function makeDirectory(): string {
  const prefix = join(tmpdir(), 'troupe-');
  const isTooDeep = Buffer.byteLength(join(`${prefix}XXXXXX`, SOCKET_NAME)) > MAX_PATH_BYTES;
  return mkdtempSync(isTooDeep ? '/tmp/troupe-' : prefix);
}
