/**
 * `GET /logs`: log lines as lines of JSON, and with `follow` those to come.
 *
 * Invariants (numbers as in README.md):
 * 5. What waits for a slow reader is bounded; what it misses is counted, in a line of its own at the place of the gap.
 */
import { FifoQueue } from '../../kernel/fifo-queue.ts';
import type { FunctionLogLine } from '../monitoring/protocol.ts';
import type { Exchange } from './exchange.ts';
import { toJsonText } from './json-text.ts';
import { isTrue, wholeNumber } from './parameters.ts';
import { flushHeadSoon, write } from './writing.ts';

/** Lines to come that may wait for a reader. */
const MAX_WAITING_LINES = 1_000;

/** Stands for the lines left out before it, and has the shape of a line, so that whoever shows lines shows it too. */
interface Notice extends FunctionLogLine {
  readonly notice: 'dropped';
}

export async function sendLogs(exchange: Exchange): Promise<void> {
  const { host, query, request, response, services } = exchange;
  const functionName = query.get('function') ?? undefined;
  const limit = query.get('limit');
  const filter = {
    ...(functionName === undefined ? {} : { functionName }),
    ...(limit === null ? {} : { limit: wholeNumber(limit, 'limit') }),
  };
  const isFollowing = isTrue(query.get('follow')) && request.method === 'GET';
  const feed = new LogFeed();
  const stop = isFollowing ? host.followLogs((line) => feed.push(line), functionName) : undefined;
  try {
    // In the same turn as the line above: no line is missed, and none comes twice.
    const kept = host.logs(filter);
    const end = () => feed.end();
    if (isFollowing) {
      response.once('close', end);
      services.closing.addEventListener('abort', end, { once: true });
    }
    if (!isFollowing || services.closing.aborted) end();
    response.writeHead(200, ['Content-Type', 'application/x-ndjson', 'Cache-Control', 'no-store']);
    flushHeadSoon(response);
    await writeLines(exchange, kept, feed);
    services.closing.removeEventListener('abort', end);
  } finally {
    stop?.();
  }
}

async function writeLines({ response }: Exchange, kept: readonly FunctionLogLine[], feed: LogFeed): Promise<void> {
  for (const line of kept) {
    if (!(await write(response, `${toJsonText(line)}\n`))) return;
  }
  for (let next = await feed.next(); next; next = await feed.next()) {
    if (!(await write(response, `${toJsonText(next)}\n`))) return;
  }
  response.end();
}

/** Lines between the one who writes them and the one who reads them. */
class LogFeed {
  readonly #waiting = new FifoQueue<FunctionLogLine>();
  #dropped = 0;
  #lastDropped: FunctionLogLine | undefined;
  #hasEnded = false;
  #wake: () => void = () => {};

  push(line: FunctionLogLine): void {
    if (this.#hasEnded) return;
    // Once a line was dropped all are, until the gap has been told: it is then at one place.
    if (this.#dropped > 0 || this.#waiting.size >= MAX_WAITING_LINES) {
      this.#dropped++;
      this.#lastDropped = line;
    } else this.#waiting.push(line);
    this.#wake();
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** Undefined at the end. */
  async next(): Promise<FunctionLogLine | Notice | undefined> {
    for (;;) {
      const line = this.#waiting.shift() ?? this.#takeNotice();
      if (line || this.#hasEnded) return line;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #takeNotice(): Notice | undefined {
    const last = this.#lastDropped;
    if (!last) return undefined;
    const dropped = this.#dropped;
    this.#lastDropped = undefined;
    this.#dropped = 0;
    const { sequence, wallMs, functionName, functionVersion, instanceId } = last;
    const message = `${dropped} lines are left out here: they came faster than they were read.`;
    const fields = { dropped };
    return {
      notice: 'dropped',
      sequence,
      wallMs,
      level: 'warn',
      message,
      functionName,
      functionVersion,
      instanceId,
      fields,
    };
  }
}
