/** The chunks of a streaming function as lines of JSON, or as server-sent events. */
import type { ServerResponse } from 'node:http';
import { toTroupeError } from '../../errors.ts';
import { errorText } from './error-response.ts';
import { toJsonText } from './json-text.ts';
import { flushHeadSoon, write } from './writing.ts';

interface StreamFormat {
  readonly contentType: string;
  chunk(json: string): string;
  error(json: string): string;
  readonly end: string;
}

/** JSON as it is written here has no line break, so a chunk is one line in both. */
const FORMATS: Readonly<Record<'ndjson' | 'sse', StreamFormat>> = {
  ndjson: {
    contentType: 'application/x-ndjson',
    chunk: (json) => `${json}\n`,
    error: (json) => `${json}\n`,
    end: '',
  },
  sse: {
    contentType: 'text/event-stream',
    chunk: (json) => `data: ${json}\n\n`,
    error: (json) => `event: error\ndata: ${json}\n\n`,
    // An EventSource connects again after any end that it is not told of.
    end: 'event: end\ndata: null\n\n',
  },
};

/** Present after an error that came when the status had been sent already. */
const ERROR_TRAILER = 'X-Troupe-Error';

interface StreamOptions {
  readonly format: keyof typeof FORMATS;
  /** The head does not wait for the first chunk, which may be long in coming. */
  readonly isHeadFirst?: boolean;
}

/**
 * An error ahead of the first chunk is thrown: it still has a status of its own. A later one ends the stream with a line (or event)
 * `{"error":...}` and the trailer `X-Troupe-Error`. A client that goes away ends the iteration.
 */
export async function sendStream(
  response: ServerResponse,
  chunks: AsyncIterableIterator<unknown, undefined>,
  { format: formatName, isHeadFirst = false }: StreamOptions,
): Promise<void> {
  const format = FORMATS[formatName];
  // A source that waits for its function learns that the client has gone without being pulled once more.
  response.once('close', () => void chunks.return?.()?.catch(() => {}));
  const begun = chunks.next();
  const ahead = isHeadFirst ? undefined : await begun;
  if (response.destroyed) return;
  const headers = ['Content-Type', format.contentType, 'Cache-Control', 'no-store', 'Trailer', ERROR_TRAILER];
  response.writeHead(200, headers);
  flushHeadSoon(response);
  try {
    for (let next = ahead ?? (await begun); !next.done; next = await chunks.next()) {
      if (!(await write(response, format.chunk(toJsonText(next.value))))) return;
    }
    response.end(format.end);
  } catch (thrown) {
    if (response.destroyed) return;
    const error = toTroupeError(thrown);
    response.addTrailers([[ERROR_TRAILER, error.code]]);
    response.end(format.error(errorText(error)));
  }
}
