/**
 * `GET /executions/:id/events`: what has happened to an execution and what does, until it has ended; as lines of JSON, or as server-sent events.
 *
 * Invariants (numbers as in README.md):
 * 4. A reader that is slower than what it reads holds back its source: once enough waits for it the watch ends, and begins again, behind what it
 *    has read, when it has read that. The journal keeps what it misses meanwhile.
 */
import { TroupeError } from '../../errors.ts';
import { FifoQueue } from '../../kernel/fifo-queue.ts';
import type { Exchange } from './exchange.ts';
import { executionOf } from './execution-routes.ts';
import type { GatewayWorkflows } from './protocol.ts';
import { sendStream } from './stream-response.ts';

/** Events that may wait for a reader. */
const MAX_WAITING_EVENTS = 1_000;

export async function sendEvents(exchange: Exchange): Promise<void> {
  const { host, request, response, services } = exchange;
  const { id } = executionOf(exchange);
  const isSse = exchange.header('accept')?.includes('text/event-stream') ?? false;
  if (request.method === 'HEAD') {
    await executionOf(exchange).status();
    return exchange.send(200, ['Content-Type', isSse ? 'text/event-stream' : 'application/x-ndjson'], '');
  }
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  response.once('close', leave);
  services.closing.addEventListener('abort', leave, { once: true });
  if (services.closing.aborted) leave();
  try {
    await sendStream(response, eventsOf(host.workflows, id, leaving.signal), { format: isSse ? 'sse' : 'ndjson' });
  } finally {
    services.closing.removeEventListener('abort', leave);
  }
}

/** Throws `SHUTTING_DOWN` at the abort: a stream that just ended would look like an execution that has. */
async function* eventsOf(
  workflows: GatewayWorkflows,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<object, undefined> {
  for (let read = 0; ; ) {
    const feed = new EventFeed(read, signal);
    workflows.watch(id, feed.push, feed.signal).then(feed.end, feed.fail);
    for (let event = await feed.next(); event; event = await feed.next()) {
      read++;
      yield event;
    }
    if (signal.aborted)
      throw new TroupeError('SHUTTING_DOWN', 'The host closes: the execution goes on when it is back.');
    if (!feed.isCutShort) return undefined;
  }
}

/** Events between the one who tells them and the one who reads them. */
class EventFeed {
  readonly #waiting = new FifoQueue<object>();
  readonly #stopping = new AbortController();
  /** Of those to come, how many have been read before. */
  #toSkip: number;
  #hasEnded = false;
  #failure: { readonly thrown: unknown } | undefined;
  #wake: () => void = () => {};
  /** There is more than was taken. */
  isCutShort = false;

  constructor(toSkip: number, signal: AbortSignal) {
    this.#toSkip = toSkip;
    if (signal.aborted) this.end();
    else signal.addEventListener('abort', this.end, { once: true, signal: this.#stopping.signal });
  }

  /** Ends the watch. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  readonly push = (event: object): void => {
    if (this.#hasEnded) return;
    if (this.#toSkip > 0) this.#toSkip--;
    else if (this.#waiting.size < MAX_WAITING_EVENTS) this.#waiting.push(event);
    else {
      this.isCutShort = true;
      this.end();
    }
    this.#wake();
  };

  /** What waits is still read. */
  readonly end = (): void => {
    this.#hasEnded = true;
    this.#stopping.abort();
    this.#wake();
  };

  readonly fail = (thrown: unknown): void => {
    this.#failure = { thrown };
    this.end();
  };

  /** Undefined at the end. Throws what the watch has failed with. */
  async next(): Promise<object | undefined> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event) return event;
      if (this.#failure) throw this.#failure.thrown;
      if (this.#hasEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
