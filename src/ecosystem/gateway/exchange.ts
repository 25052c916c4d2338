/** One request and its response, as the handlers of all routes see them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkFunctionName } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import { disconnectSignal } from './disconnection.ts';
import { parseJson } from './json-fault.ts';
import { toJsonText } from './json-text.ts';
import type { GatewayHost } from './protocol.ts';
import type { BodyReader } from './request-body.ts';
import type { ResultWaits } from './result-waits.ts';
import type { TurnBatch } from './turn-batch.ts';

/** What the gateway's handlers share. */
export interface GatewayServices {
  readonly host: GatewayHost;
  readonly bodies: BodyReader;
  readonly batch: TurnBatch;
  readonly clock: Clock;
  /** Of executions, and of jobs. */
  readonly results: ResultWaits;
  readonly jobResults: ResultWaits;
  /** Aborted when the gateway begins to close: answers without an end of their own end then. */
  readonly closing: AbortSignal;
}

export type ExchangeHandler = (exchange: Exchange) => Promise<void> | void;

const NO_QUERY = new URLSearchParams();

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly services: GatewayServices;
  /** Answers with what was thrown. */
  readonly fail: (thrown: unknown) => void;
  /** The request target from its path on, as it was sent. */
  readonly target: string;
  readonly #parameters: readonly string[];
  #query: URLSearchParams | undefined;

  constructor(options: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly services: GatewayServices;
    readonly fail: (thrown: unknown) => void;
    readonly target: string;
    readonly parameters: readonly string[];
  }) {
    this.request = options.request;
    this.response = options.response;
    this.services = options.services;
    this.fail = options.fail;
    this.target = options.target;
    this.#parameters = options.parameters;
  }

  get host(): GatewayHost {
    return this.services.host;
  }

  get query(): URLSearchParams {
    if (this.#query) return this.#query;
    const at = this.target.indexOf('?');
    this.#query = at < 0 ? NO_QUERY : new URLSearchParams(this.target.slice(at + 1));
    return this.#query;
  }

  /** The first parameter of the path. Throws `INVALID_NAME`. */
  get functionName(): string {
    return checkFunctionName(this.parameter(0));
  }

  /** The first parameter of the path. Throws `INVALID_NAME`. */
  get workflowName(): string {
    return checkFunctionName(this.parameter(0), 'workflow');
  }

  /** Throws `INVALID_NAME` when its percent-encoding is broken. */
  parameter(index: number): string {
    const text = this.#parameters[index] ?? '';
    if (!text.includes('%')) return text;
    try {
      return decodeURIComponent(text);
    } catch {
      throw new TroupeError('INVALID_NAME', `"${text}" in the path is not percent-encoded UTF-8.`);
    }
  }

  /** A repeated header is one string, as HTTP joins it. */
  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  body(): Promise<Buffer> {
    return this.services.bodies.read(this.request, this.response);
  }

  /**
   * Calls back with the body: at the end of this turn of the event loop, together with all others whose bodies are there by then, else when it
   * has come. What `use` throws is answered.
   */
  withBody(use: (body: Buffer) => void): void {
    const { bodies, batch } = this.services;
    bodies.checkDeclared(this.request);
    batch.add(() => {
      // The client has gone: there is nobody to answer.
      if (this.request.destroyed) return;
      try {
        const body = bodies.takeComplete(this.request);
        if (body) return use(body);
      } catch (thrown) {
        return this.fail(thrown);
      }
      this.body().then(use).catch(this.fail);
    });
  }

  /** The body as a JSON object. Throws `INVALID_JSON` or `INVALID_ARGUMENT`. */
  async jsonObject(): Promise<Readonly<Record<string, unknown>>> {
    const value = parseJson((await this.body()).toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new TroupeError('INVALID_ARGUMENT', 'The body must be a JSON object.');
  }

  /** Aborted when the client goes away. */
  disconnectSignal(): AbortSignal {
    return disconnectSignal(this.request.socket);
  }

  sendJson(status: number, value: unknown, headers: readonly string[] = []): void {
    this.send(status, [...headers, 'Content-Type', 'application/json'], toJsonText(value));
  }

  /** `headers` are names and values in turn: Node.js writes such a list without looking anything up. */
  send(status: number, headers: readonly string[], body: string | Uint8Array): void {
    const length = String(typeof body === 'string' ? Buffer.byteLength(body) : body.length);
    if (this.services.closing.aborted) this.response.shouldKeepAlive = false;
    this.response.writeHead(status, [...headers, 'Content-Length', length]);
    this.response.end(body);
  }
}
