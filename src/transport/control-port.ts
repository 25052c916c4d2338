/**
 * The two ends of a thread's control port, as comlink wants them: a MessagePort, with a doorbell in shared memory beside it.
 *
 * An instance that has no function yet has nothing else to do, so it sleeps on the bell and not in its event loop: it is awake sooner,
 * and takes the message off the port itself. Once it has a function it never blocks again, and the port works like any other.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Endpoint } from 'comlink';

type Listener = Parameters<Endpoint['addEventListener']>[1];
type Transferred = Parameters<MessagePort['postMessage']>[1];

/** How often the bell has rung. */
const RUNG = 0;
/** Not 0: the other end has hung up. */
const HUNG_UP = 1;

export function createBell(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
}

/** What both ends have in common: listeners of comlink on a port of Node's. */
class ControlEnd {
  protected readonly port: MessagePort;
  protected readonly bell: Int32Array;
  protected readonly listeners = new Set<Listener>();

  constructor(port: MessagePort, bell: SharedArrayBuffer) {
    this.port = port;
    this.bell = new Int32Array(bell);
  }

  addEventListener(_type: string, listener: Listener): void {
    this.listeners.add(listener);
  }

  removeEventListener(_type: string, listener: Listener): void {
    this.listeners.delete(listener);
  }

  protected deliver(data: unknown): void {
    const event = { data } as MessageEvent;
    for (const listener of this.listeners) {
      if (typeof listener === 'function') listener(event);
      else listener.handleEvent(event);
    }
  }
}

/** The end of whoever started the instance. */
export class CallingEnd extends ControlEnd implements Endpoint {
  constructor(port: MessagePort, bell: SharedArrayBuffer) {
    super(port, bell);
    port.on('message', (data) => this.deliver(data));
    port.unref();
  }

  postMessage(message: unknown, transferred?: Transferred): void {
    this.port.postMessage(message, transferred);
    this.#ring();
  }

  /** The instance ends by itself, unless its function holds it. */
  close(): void {
    this.port.close();
    Atomics.store(this.bell, HUNG_UP, 1);
    this.#ring();
  }

  #ring(): void {
    Atomics.add(this.bell, RUNG, 1);
    Atomics.notify(this.bell, RUNG);
  }
}

/** The end of the instance. The port keeps its thread alive. */
export class AttendingEnd extends ControlEnd implements Endpoint {
  #heard = 0;

  constructor(port: MessagePort, bell: SharedArrayBuffer) {
    super(port, bell);
    port.ref();
  }

  get isHungUp(): boolean {
    return Atomics.load(this.bell, HUNG_UP) !== 0;
  }

  postMessage(message: unknown, transferred?: Transferred): void {
    this.port.postMessage(message, transferred);
  }

  /**
   * Blocks the thread until something has come, and hands it on, or until the other end has hung up. What it starts goes on when the caller
   * has returned.
   */
  attend(): void {
    Atomics.wait(this.bell, RUNG, this.#heard);
    this.#heard = Atomics.load(this.bell, RUNG);
    for (let next = receiveMessageOnPort(this.port); next; next = receiveMessageOnPort(this.port)) {
      this.deliver(next.message);
    }
  }

  /** From here on messages come by the event loop. */
  listen(): void {
    this.port.on('message', (data) => this.deliver(data));
    this.port.ref();
  }
}
