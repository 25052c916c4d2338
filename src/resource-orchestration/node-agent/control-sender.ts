/** Sends control messages on port 0 of a link; those that the link has no room for wait here, in order. */
import { encodeMeta } from '../../transport/codec.ts';
import { type Channel, EMPTY, FRAME_KINDS, type Frame } from '../../transport/protocol.ts';

export class ControlSender<Message> {
  readonly #link: Channel;
  /** Bounded by what the sender does: a few messages for each worker, and none from `offer`. */
  #waiting: Frame[] = [];

  constructor(link: Channel) {
    this.#link = link;
    link.onWritable(() => this.#drain());
  }

  /** On a closed link it is dropped: what waits for an answer settles with the link. */
  send(message: Message, call = 0): void {
    this.#waiting.push(controlFrame(message, call));
    this.#drain();
  }

  /** Dropped when the link is full: a newer one follows. */
  offer(message: Message): void {
    if (this.#waiting.length === 0) this.#link.send(controlFrame(message, 0));
  }

  #drain(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (this.#link.send(next) === 'full') return;
      this.#waiting.shift();
    }
  }
}

function controlFrame(message: unknown, call: number): Frame {
  return { kind: FRAME_KINDS.control, port: 0, call, argument: 0, meta: encodeMeta(message), payload: EMPTY };
}
