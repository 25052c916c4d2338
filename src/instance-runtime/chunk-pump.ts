/**
 * Moves chunks from a handler to its caller.
 *
 * 3. At zero credit the handler is not pulled. One credit is one chunk frame.
 * 4. A cancelled stream closes its generator, so that its `finally` runs, and then fails with the reason of the cancellation.
 */
import { encodeMeta } from '../transport/codec.ts';
import { EMPTY, FRAME_KINDS, type Frame, type StreamHead } from '../transport/protocol.ts';
import { type ChunkSource, closeIterator } from './answer.ts';
import type { Invocation } from './invocation.ts';
import type { Outbox } from './outbox.ts';

/** Resolves when the source has ended; rejects with what it threw, or with the reason when the call was cancelled. */
export async function pumpChunks(source: ChunkSource, invocation: Invocation, outbox: Outbox): Promise<void> {
  if (source.whole && !invocation.cancelled && invocation.credit?.tryTake()) {
    const { head, body } = source.whole;
    return outbox.post(chunkFrame(invocation, body, head));
  }
  const { iterator } = source;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= closeIterator(iterator);
  };
  // At once, not after the chunk that is being made: the generator may be waiting for something that never comes.
  invocation.onCancel(close);
  try {
    await pump(source, new ChunkSender(invocation, outbox));
  } catch (thrown) {
    close();
    throw thrown;
  } finally {
    await closing;
  }
}

async function pump({ iterator, encode, head, headFor }: ChunkSource, sender: ChunkSender): Promise<void> {
  if (head) await sender.send(EMPTY, head);
  let headForFirst = headFor;
  for (;;) {
    await sender.credit();
    const step = (await iterator.next()) as IteratorResult<unknown>;
    sender.checkCancelled();
    if (step.done) break;
    let pieces = await encode(step.value);
    if (headForFirst) {
      const firstHead = headForFirst(step.value);
      headForFirst = undefined;
      await sender.send(pieces[0] ?? EMPTY, firstHead);
      pieces = pieces.slice(1);
    }
    for (const piece of pieces) await sender.send(piece);
  }
  if (headForFirst) await sender.send(EMPTY, headForFirst(''));
}

function chunkFrame({ channelNumber: call }: Invocation, payload: Uint8Array, head: StreamHead | undefined): Frame {
  const meta = head ? encodeMeta(head) : EMPTY;
  return { kind: FRAME_KINDS.chunk, port: 0, call, argument: 0, meta, payload };
}

class ChunkSender {
  readonly #invocation: Invocation;
  readonly #outbox: Outbox;
  #hasCredit = false;

  constructor(invocation: Invocation, outbox: Outbox) {
    this.#invocation = invocation;
    this.#outbox = outbox;
  }

  /** Waits for one credit, unless there is one that was not used. Throws when the call is cancelled. */
  async credit(): Promise<void> {
    if (!this.#hasCredit) await this.#invocation.credit?.take();
    this.checkCancelled();
    this.#hasCredit = true;
  }

  async send(payload: Uint8Array, head?: StreamHead): Promise<void> {
    await this.credit();
    this.#hasCredit = false;
    this.#outbox.post(chunkFrame(this.#invocation, payload, head));
    const drained = this.#outbox.drained();
    if (drained) await drained;
  }

  checkCancelled(): void {
    if (this.#invocation.cancelled) throw this.#invocation.cancelled;
  }
}
