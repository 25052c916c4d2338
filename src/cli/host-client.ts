/** Talks to a host through its gateway. Every failure is a `TroupeError`, the host's own ones included. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { DEFAULT_HOST, DEFAULT_PORT, readEnvironment } from '../config.ts';
import { deserializeError, isErrorCode, TroupeError } from '../errors.ts';

export interface HostRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export class HostClient {
  readonly #base: URL;

  /** `url` wins over the environment, which wins over the default. */
  constructor(url: string | undefined) {
    const text = url ?? readEnvironment('host') ?? `http://${DEFAULT_HOST}:${DEFAULT_PORT}`;
    const base = URL.canParse(text) ? new URL(text) : undefined;
    if (base?.protocol !== 'http:') {
      throw new TroupeError(
        'INVALID_ARGUMENT',
        `"${text}" is not the address of a host; it looks like http://127.0.0.1:4460.`,
      );
    }
    this.#base = base;
  }

  /** The parsed body of a successful answer. */
  async json<Body>(request: HostRequest, signal?: AbortSignal): Promise<Body> {
    const response = await this.#send(request, signal);
    return JSON.parse((await readAll(response)).toString('utf8')) as Body;
  }

  /** Calls back for each line of a body that never has to end; resolves when it has. */
  async lines(request: HostRequest, line: (text: string) => void, signal?: AbortSignal): Promise<void> {
    const response = await this.#send(request, signal);
    let rest = '';
    response.setEncoding('utf8');
    try {
      for await (const chunk of response) {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        for (const part of parts) if (part !== '') line(part);
      }
    } catch (thrown) {
      if (!signal?.aborted) throw this.#unreachable(thrown);
    }
    if (rest !== '') line(rest);
  }

  #send({ method, path, headers = {}, body }: HostRequest, signal?: AbortSignal): Promise<IncomingMessage> {
    const isBytes = body instanceof Uint8Array;
    const content = body === undefined ? undefined : isBytes ? body : Buffer.from(JSON.stringify(body));
    const type = isBytes ? 'application/octet-stream' : 'application/json';
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest(
        new URL(path, this.#base),
        {
          method,
          headers: {
            ...headers,
            ...(content ? { 'content-type': type, 'content-length': content.length } : {}),
          },
          ...(signal ? { signal } : {}),
        },
        (response) => {
          if ((response.statusCode ?? 500) < 400) resolve(response);
          else readAll(response).then((text) => reject(toError(text, response.statusCode)), reject);
        },
      );
      outgoing.on('error', (thrown) => reject(this.#unreachable(thrown)));
      outgoing.end(content);
    });
  }

  #unreachable(cause: unknown): TroupeError {
    return new TroupeError(
      'HOST_UNREACHABLE',
      `No host answers at ${this.#base.origin}. Start one with "troupe serve", or name another with --host.`,
      { cause },
    );
  }
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function toError(body: Buffer, status: number | undefined): TroupeError {
  try {
    const { error } = JSON.parse(body.toString('utf8'));
    if (isErrorCode(error?.code)) {
      const cause = error.cause && deserializeError(error.cause);
      return new TroupeError(error.code, error.message, { details: error.details ?? {}, cause });
    }
  } catch {
    // Something that is not a troupe host answered.
  }
  return new TroupeError('HOST_UNREACHABLE', `What answers there is not a troupe host (HTTP status ${status}).`);
}
