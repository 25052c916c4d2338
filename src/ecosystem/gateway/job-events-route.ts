/**
 * `GET /jobs/:id/events` and `GET /jobs/events`: what happens to one job until it has ended, or to all of them, as lines of JSON or server-sent events.
 *
 * Invariants (numbers as in README.md):
 * 5. What waits for a slow reader is bounded; what it misses is counted, in a line of its own at the place of the gap. Changes are kept nowhere: how
 *    things stand after a gap is asked for anew, of one job by this route, of all by the reader.
 */
import { serializeError, TroupeError } from '../../errors.ts';
import { FifoQueue } from '../../kernel/fifo-queue.ts';
import { ENDED_STATUSES, type JobChange, type JobFilter, type JobView } from '../event-management/protocol.ts';
import type { Exchange } from './exchange.ts';
import { refuseOthers } from './function-routes.ts';
import { jobId } from './job-routes.ts';
import type { GatewayJobs } from './protocol.ts';
import { sendStream } from './stream-response.ts';

/** Changes that may wait for a reader. */
const MAX_WAITING_CHANGES = 1_000;

/** Stands for the changes left out before it. */
interface Lagging {
  readonly type: 'lagging';
  readonly dropped: number;
}

export async function sendJobEvents(exchange: Exchange): Promise<void> {
  const id = jobId(exchange);
  const { jobs } = exchange.host;
  if (exchange.request.method === 'HEAD') await jobs.get(id);
  await send(exchange, { id }, (feed) => eventsOf(jobs, id, feed));
}

export async function sendAllEvents(exchange: Exchange): Promise<void> {
  const { function: name, ...others } = Object.fromEntries(exchange.query);
  refuseOthers(others, 'function only');
  const { jobs } = exchange.host;
  // A name that is mistyped must not look like silence.
  if (name !== undefined) await jobs.queue(name);
  await send(exchange, name === undefined ? {} : { function: name }, allEvents);
}

async function send(
  exchange: Exchange,
  filter: JobFilter,
  events: (feed: ChangeFeed) => AsyncGenerator<object, undefined>,
): Promise<void> {
  const { host, request, response, services } = exchange;
  const isSse = exchange.header('accept')?.includes('text/event-stream') ?? false;
  const format = isSse ? 'sse' : 'ndjson';
  const contentType = isSse ? 'text/event-stream' : 'application/x-ndjson';
  if (request.method === 'HEAD') return exchange.send(200, ['Content-Type', contentType], '');
  const feed = new ChangeFeed();
  const stop = host.jobs.watch(feed.push, filter);
  response.once('close', feed.end);
  services.closing.addEventListener('abort', feed.end, { once: true });
  if (services.closing.aborted || response.destroyed) feed.end();
  try {
    await sendStream(response, events(feed), { format, isHeadFirst: filter.id === undefined });
  } finally {
    stop();
    services.closing.removeEventListener('abort', feed.end);
  }
}

/** How it stands first. Throws `SHUTTING_DOWN` where the host closes: a stream that just ended would look like a job that has. */
async function* eventsOf(jobs: GatewayJobs, id: string, feed: ChangeFeed): AsyncGenerator<object, undefined> {
  let isLooking = true;
  for (;;) {
    if (isLooking) {
      const now = changeOf(await jobs.get(id));
      isLooking = false;
      // What has come since, or just before, says as much, and is in order.
      if (feed.isEmpty) yield now;
      if (feed.isEmpty && hasEnded(now)) return undefined;
    }
    const next = await feed.next();
    if (!next) throw new TroupeError('SHUTTING_DOWN', 'The host closes: the job goes on when it is back.');
    if ('type' in next) {
      yield next;
      isLooking = true;
      continue;
    }
    yield shown(next);
    if (hasEnded(next)) return undefined;
  }
}

/** Without an end of its own. */
async function* allEvents(feed: ChangeFeed): AsyncGenerator<object, undefined> {
  for (let next = await feed.next(); next; next = await feed.next()) yield 'type' in next ? next : shown(next);
  throw new TroupeError('SHUTTING_DOWN', 'The host closes: follow it again when it is back.');
}

function changeOf({ id, function: name, status, attempts, progress, errors }: JobView): Omit<JobChange, 'error'> {
  const error = status === 'retrying' || status === 'failed' ? errors.at(-1)?.error : undefined;
  return {
    id,
    function: name,
    status,
    attempts,
    ...(progress !== undefined && { progress }),
    ...(error && { error }),
  };
}

function shown({ error, ...change }: JobChange): object {
  return error ? { ...change, error: serializeError(error) } : change;
}

function hasEnded({ status }: Pick<JobChange, 'status'>): boolean {
  return (ENDED_STATUSES as readonly string[]).includes(status);
}

/** Changes between the one who tells them and the one who reads them. */
class ChangeFeed {
  readonly #waiting = new FifoQueue<JobChange>();
  #dropped = 0;
  #hasEnded = false;
  #wake: () => void = () => {};

  /** Nothing waits, and nothing was left out. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#dropped === 0;
  }

  readonly push = (change: JobChange): void => {
    if (this.#hasEnded) return;
    // Once one was dropped all are, until the gap has been told: it is then at one place.
    if (this.#dropped > 0 || this.#waiting.size >= MAX_WAITING_CHANGES) this.#dropped++;
    else this.#waiting.push(change);
    this.#wake();
  };

  readonly end = (): void => {
    this.#hasEnded = true;
    this.#wake();
  };

  /** Undefined at the end. */
  async next(): Promise<JobChange | Lagging | undefined> {
    for (;;) {
      const change = this.#waiting.shift() ?? this.#takeGap();
      if (change || this.#hasEnded) return change;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #takeGap(): Lagging | undefined {
    if (this.#dropped === 0) return undefined;
    const dropped = this.#dropped;
    this.#dropped = 0;
    return { type: 'lagging', dropped };
  }
}
