/** Talks to a host through its gateway. Every failure is a `TroupeError`, the host's own ones included. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { deserializeError, isErrorCode, type SerializedError, TroupeError } from '../errors.ts';

export interface HostRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As it is sent: nothing in it is resolved or normalised. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What follows an error after the head of an answer: a trailer, and this in place of a last line. */
const ERROR_TRAILER = 'x-troupe-error';
const ERROR_LINE = '{"error":{';

type CheckName = (name: string, what?: 'function' | 'workflow' | 'trigger') => string;

/** In characters; of an execution, and of a signal. */
const MAX_ID_LENGTH = 200;

export class HostClient {
  readonly #base: URL;
  readonly #signal: AbortSignal;
  readonly #checkName: CheckName;

  private constructor(base: URL, signal: AbortSignal, checkName: CheckName) {
    this.#base = base;
    this.#signal = signal;
    this.#checkName = checkName;
  }

  /** `url` wins over the environment, which wins over the default. The signal breaks off whatever is under way. */
  static async open(url: string | undefined, signal: AbortSignal): Promise<HostClient> {
    const { checkFunctionName, DEFAULT_HOST, DEFAULT_PORT, ENVIRONMENT, readEnvironment } = await import(
      '../config.ts'
    );
    const set = readEnvironment('host');
    if (url !== undefined) return new HostClient(parseUrl(url, '--host'), signal, checkFunctionName);
    const base = parseUrl(set ?? `http://${DEFAULT_HOST}:${DEFAULT_PORT}`, ENVIRONMENT.host);
    return new HostClient(base, signal, checkFunctionName);
  }

  get address(): string {
    return this.#base.origin;
  }

  /** Where a function is. Throws `INVALID_NAME`. */
  functionPath(name: string): string {
    return `/functions/${this.#checkName(name)}`;
  }

  /** Where a workflow is. Throws `INVALID_NAME`. */
  workflowPath(name: string): string {
    return `/workflows/${this.#checkName(name, 'workflow')}`;
  }

  /** Where a trigger is. Throws `INVALID_NAME`. */
  triggerPath(name: string): string {
    return `/triggers/${this.#checkName(name, 'trigger')}`;
  }

  /** Where an execution is. Throws `INVALID_ARGUMENT`. */
  executionPath(id: string): string {
    return `/executions/${idSegment(id, 'The id of an execution')}`;
  }

  /** Where a schedule is. Throws `INVALID_ARGUMENT`. */
  schedulePath(name: string): string {
    return `/schedules/${idSegment(name, 'The name of a schedule')}`;
  }

  /** Where a job is. Throws `INVALID_ARGUMENT`. */
  jobPath(id: string): string {
    return `/jobs/${idSegment(id, 'The id of a job')}`;
  }

  /** Where the jobs of a function, or workflow, are counted. Throws `INVALID_NAME`. */
  queuePath(name: string): string {
    return `/queues/${this.#checkName(name)}`;
  }

  /** Where a signal goes. Throws `INVALID_ARGUMENT`. */
  signalPath(id: string, signal: string): string {
    return `${this.executionPath(id)}/signals/${idSegment(signal, 'The name of a signal')}`;
  }

  /** The parsed body of a successful answer; undefined if it has none. */
  async json<Body>(request: HostRequest): Promise<Body> {
    const response = await this.#send(request);
    const text = (await this.#readAll(response)).toString('utf8');
    if (text === '') return undefined as Body;
    try {
      return JSON.parse(text) as Body;
    } catch {
      throw this.#notAHost(response.statusCode);
    }
  }

  /** Calls back for each line of a body that never has to end, one after the other; resolves when it has. */
  async lines(request: HostRequest, line: (text: string) => Promise<void>): Promise<void> {
    const response = await this.#send(request);
    // An error that ends the stream looks like a line; only the trailer behind it tells one from the other.
    let held: string | undefined;
    for await (const text of this.#linesOf(response)) {
      if (held !== undefined) await line(held);
      held = text.startsWith(ERROR_LINE) ? text : undefined;
      if (held === undefined) await line(text);
    }
    if (held === undefined) return;
    if (response.trailers[ERROR_TRAILER] !== undefined) throw toError(held) ?? this.#notAHost(response.statusCode);
    await line(held);
  }

  async *#linesOf(response: IncomingMessage): AsyncGenerator<string> {
    let rest = '';
    response.setEncoding('utf8');
    try {
      for await (const chunk of response) {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        for (const part of parts) if (part !== '') yield part;
      }
    } catch (thrown) {
      throw this.#brokenOff(thrown);
    }
    if (rest !== '') yield rest;
  }

  #send({ method, path, headers = {}, body }: HostRequest): Promise<IncomingMessage> {
    const isBytes = body instanceof Uint8Array;
    const content = body === undefined ? undefined : isBytes ? body : Buffer.from(JSON.stringify(body));
    const type = isBytes ? 'application/octet-stream' : 'application/json';
    const { hostname, port, protocol } = this.#base;
    return new Promise((resolve, reject) => {
      let hasAnswered = false;
      const outgoing = httpRequest({
        method,
        // An IPv6 address stands in brackets in a URL, and only there.
        hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
        port: port || 80,
        protocol,
        path,
        headers: { ...(content ? { 'content-type': type, 'content-length': content.length } : {}), ...headers },
        signal: this.#signal,
      });
      outgoing.on('response', (response) => {
        hasAnswered = true;
        const status = response.statusCode ?? 500;
        if (status < 400) resolve(response);
        else {
          const refused = (text: Buffer) => reject(toError(text.toString('utf8')) ?? this.#notAHost(status));
          this.#readAll(response).then(refused, reject);
        }
      });
      outgoing.on('error', (thrown) => {
        // A host that refuses a payload may hang up before all of it has been sent: its answer counts.
        if (!hasAnswered) reject(isConnectError(thrown) ? this.#unreachable(thrown) : this.#brokenOff(thrown));
      });
      outgoing.end(content);
    });
  }

  async #readAll(response: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch (thrown) {
      throw this.#brokenOff(thrown);
    }
    return Buffer.concat(chunks);
  }

  #unreachable(cause: unknown): TroupeError {
    return new TroupeError(
      'HOST_UNREACHABLE',
      `No host answers at ${this.#base.origin}. Start one with "troupe serve", or name another with --host.`,
      { cause },
    );
  }

  #brokenOff(cause: unknown): TroupeError {
    if (this.#signal.aborted) return new TroupeError('CANCELLED', 'Interrupted.');
    const why = cause instanceof Error ? cause.message : String(cause);
    return new TroupeError(
      'HOST_UNREACHABLE',
      `The host at ${this.#base.origin} broke off before its answer was complete: ${why}.`,
      { cause },
    );
  }

  #notAHost(status: number | undefined): TroupeError {
    return new TroupeError(
      'HOST_UNREACHABLE',
      `What answers at ${this.#base.origin} is not a troupe host (HTTP status ${status}). Name another with --host.`,
    );
  }
}

function idSegment(text: string, what: string): string {
  if (text.length >= 1 && text.length <= MAX_ID_LENGTH) return encodeURIComponent(text);
  throw new TroupeError('INVALID_ARGUMENT', `${what} has 1 to ${MAX_ID_LENGTH} characters, not ${text.length}.`);
}

/** `127.0.0.1:4460` is as good as `http://127.0.0.1:4460`. */
function parseUrl(text: string, from: string): URL {
  const url = text.includes('://') ? text : `http://${text}`;
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base?.protocol === 'http:' && base.pathname === '/' && base.search === '') return base;
  throw new TroupeError(
    from === '--host' ? 'INVALID_ARGUMENT' : 'CONFIG_INVALID',
    `${from}: "${text}" is not the address of a host; it looks like http://127.0.0.1:4460.`,
  );
}

const CONNECT_ERRORS = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

function isConnectError(thrown: Error): boolean {
  return CONNECT_ERRORS.has((thrown as { code?: string }).code ?? '');
}

/** Undefined when the text is not an error of a troupe host. */
function toError(text: string): TroupeError | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: SerializedError };
    if (!isErrorCode(error?.code)) return undefined;
    const cause = error.cause && deserializeError(error.cause);
    return new TroupeError(error.code, error.message, { details: error.details ?? {}, cause });
  } catch {
    return undefined;
  }
}
