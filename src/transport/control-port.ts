/**
 * The two ends of a thread's control port, as comlink wants them: a MessagePort, with a doorbell in shared memory beside it.
 *
 * An instance that has no function yet has nothing else to do, so it sleeps on the bell and not in its event loop: it is awake sooner,
 * and takes the message off the port itself. Once it has a function it never blocks again, and the port works like any other.
 *
 * What it is to become is the one message that somebody waits for. It goes past comlink, which is a tenth of a cold start, and where it is
 * small also past the port: it stands beside the bell (`image-slot.ts`).
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Endpoint } from 'comlink';
import { systemClock } from '../kernel/clock.ts';
import { ImageSlot, SLOT_BYTES } from './image-slot.ts';
import type { InstanceImage, SpecialiseOutcome } from './instance-control.ts';

type Listener = Parameters<Endpoint['addEventListener']>[1];
type Transferred = Parameters<MessagePort['postMessage']>[1];

/** How often the bell has rung. */
const RUNG = 0;
/** Not 0: the other end has hung up. */
const HUNG_UP = 1;

const BELL_BYTES = 2 * Int32Array.BYTES_PER_ELEMENT;
/** Looks at the bell between two looks at the clock. */
const LOOKS = 64;

/** What passes comlink. */
type Told = { readonly specialise: InstanceImage } | { readonly specialised: SpecialiseOutcome };

/** A bell, and the place beside it. The pages of that cost memory only once they were used. */
export function createBell(): SharedArrayBuffer {
  return new SharedArrayBuffer(BELL_BYTES + SLOT_BYTES);
}

/** What both ends have in common: listeners of comlink on a port of Node's. */
class ControlEnd {
  protected readonly port: MessagePort;
  protected readonly bell: Int32Array;
  protected readonly slot: ImageSlot;
  protected readonly listeners = new Set<Listener>();

  constructor(port: MessagePort, bell: SharedArrayBuffer) {
    this.port = port;
    this.bell = new Int32Array(bell, 0, 2);
    this.slot = new ImageSlot(bell, BELL_BYTES);
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
  #specialised: (outcome: SpecialiseOutcome) => void = () => {};

  constructor(port: MessagePort, bell: SharedArrayBuffer) {
    super(port, bell);
    port.on('message', (data) => {
      if (isTold(data, 'specialised')) this.#specialised(data.specialised);
      else this.deliver(data);
    });
    port.unref();
  }

  /** Settles when the instance answers, and never when it dies. */
  specialise(image: InstanceImage): Promise<SpecialiseOutcome> {
    return new Promise((resolve) => {
      this.#specialised = resolve;
      if (!this.slot.put(image)) this.port.postMessage({ specialise: image } satisfies Told);
      this.#ring();
    });
  }

  /** It is about to be told what to become: an instance that sleeps wakes up meanwhile. */
  rouse(): void {
    this.#ring();
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

export interface AttendOptions {
  readonly spinMs?: number;
  /** Called when the bell has rung, before anything else. */
  readonly awake?: () => void;
}

/** The end of the instance. The port keeps its thread alive. */
export class AttendingEnd extends ControlEnd implements Endpoint {
  #heard = 0;
  #specialise: (image: InstanceImage) => void = () => {};

  constructor(port: MessagePort, bell: SharedArrayBuffer) {
    super(port, bell);
    port.ref();
  }

  /** Called when it is told what to become; what comes of that is to be told by `specialised`. */
  onSpecialise(specialise: (image: InstanceImage) => void): void {
    this.#specialise = specialise;
  }

  specialised(outcome: SpecialiseOutcome): void {
    this.port.postMessage({ specialised: outcome } satisfies Told);
  }

  get isHungUp(): boolean {
    return Atomics.load(this.bell, HUNG_UP) !== 0;
  }

  postMessage(message: unknown, transferred?: Transferred): void {
    this.port.postMessage(message, transferred);
  }

  /**
   * Blocks the thread until the bell has rung, and hands on what has come. What that starts goes on when the caller has returned. Who was only
   * roused looks out for the rest for up to `spinMs`.
   */
  attend({ spinMs = 0, awake = () => {} }: AttendOptions = {}): void {
    Atomics.wait(this.bell, RUNG, this.#heard);
    awake();
    if (this.#takeAll() || spinMs === 0 || this.isHungUp) return;
    const untilMs = systemClock.nowMs() + spinMs;
    while (systemClock.nowMs() < untilMs) {
      for (let look = 0; look < LOOKS; look++) {
        if (Atomics.load(this.bell, RUNG) !== this.#heard) return void this.#takeAll();
      }
    }
  }

  /** From here on messages come by the event loop. */
  listen(): void {
    this.port.on('message', (data) => this.#take(data));
    this.port.ref();
  }

  /** False when there was nothing. */
  #takeAll(): boolean {
    this.#heard = Atomics.load(this.bell, RUNG);
    const image = this.slot.take();
    if (image) {
      // The rest can wait for the event loop, which the instance turns to now.
      this.#specialise(image);
      return true;
    }
    let hasMore = false;
    for (let next = receiveMessageOnPort(this.port); next; next = receiveMessageOnPort(this.port)) {
      hasMore = true;
      this.#take(next.message);
    }
    return hasMore;
  }

  #take(message: unknown): void {
    if (isTold(message, 'specialise')) this.#specialise(message.specialise);
    else this.deliver(message);
  }
}

function isTold<What extends 'specialise' | 'specialised'>(
  message: unknown,
  what: What,
): message is Extract<Told, Readonly<Record<What, unknown>>> {
  return typeof message === 'object' && message !== null && what in message;
}
