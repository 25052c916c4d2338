/**
 * The answer of a function on its way out. Its head waits for its body to the end of the turn of the event loop in which it came: a body that is
 * complete by then leaves with it, in one packet and with its length. Otherwise the head goes ahead, and the body follows as it comes.
 */
import type { ServerResponse } from 'node:http';
import { TroupeError } from '../../errors.ts';
import type { StreamHead } from '../../transport/protocol.ts';
import { skipBody } from '../../transport/skip-body.ts';
import type { Exchange } from './exchange.ts';
import { endToEnd, flattened } from './http-headers.ts';
import { write } from './writing.ts';

type Body = AsyncIterableIterator<Uint8Array, undefined>;

export class FunctionAnswer {
  readonly #exchange: Exchange;
  readonly #response: ServerResponse;
  readonly #body: Body;
  #status = 0;
  #headers: string[] = [];
  #declaredBytes: number | undefined;
  #isHeadOut = false;
  #isOver = false;
  /** The first chunk of the body, while the head waits. */
  #held: Uint8Array | undefined;

  constructor(exchange: Exchange, body: Body) {
    this.#exchange = exchange;
    this.#response = exchange.response;
    this.#body = body;
    this.#response.once('close', () => {
      if (!this.#isOver) void body.return?.()?.catch(() => {});
    });
  }

  /** Rejects when there is no head, or one that HTTP does not allow. What comes too late for an answer breaks the connection. */
  async send(coming: Promise<StreamHead>): Promise<void> {
    const { status, headers } = await coming;
    const response = this.#response;
    if (response.destroyed) return;
    const passed = endToEnd(headers);
    this.#status = status;
    this.#headers = flattened(passed);
    if (this.#exchange.request.method === 'HEAD' || status === 204 || status === 304) {
      this.#writeHead();
      response.end();
      return skipBody(this.#body);
    }
    const declared = passed.find(([name]) => name.toLowerCase() === 'content-length')?.[1];
    this.#declaredBytes = declared === undefined ? undefined : Number(declared);
    this.#exchange.services.batch.add(this.#sendHeadAhead);
    return this.#pipe();
  }

  async #pipe(): Promise<void> {
    const response = this.#response;
    const declaredBytes = this.#declaredBytes;
    let bytes = 0;
    for (;;) {
      const { done, value } = await this.#next();
      if (done) break;
      bytes += value.length;
      if (declaredBytes !== undefined && bytes > declaredBytes) break;
      if (this.#isHeadOut) {
        if (!(await write(response, value))) return;
      } else if (this.#held) {
        this.#writeHead();
        response.write(this.#held);
        if (!(await write(response, value))) return;
      } else this.#held = value;
    }
    this.#isOver = true;
    // The client must not take for whole what is not as long as it says.
    if (declaredBytes !== undefined && bytes !== declaredBytes) response.destroy();
    else this.#end(bytes);
  }

  /** A body that breaks off breaks the connection. */
  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      return await this.#body.next();
    } catch (thrown) {
      this.#response.destroy();
      throw thrown;
    }
  }

  #end(bytes: number): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (this.#isHeadOut) return void response.end();
    if (this.#declaredBytes === undefined) this.#headers.push('Content-Length', String(bytes));
    this.#writeHead();
    response.end(this.#held);
  }

  readonly #sendHeadAhead = (): void => {
    const response = this.#response;
    if (this.#isHeadOut || this.#isOver || response.destroyed) return;
    try {
      this.#writeHead();
    } catch (thrown) {
      this.#isOver = true;
      void this.#body.return?.()?.catch(() => {});
      return this.#exchange.fail(thrown);
    }
    if (this.#held) response.write(this.#held);
    else response.flushHeaders();
  };

  /** Throws `FUNCTION_ERROR` for a head that HTTP does not allow. */
  #writeHead(): void {
    const status = this.#status;
    this.#isHeadOut = true;
    try {
      if (!(status >= 200 && status <= 599)) throw new RangeError(`${status} is no final status`);
      if (this.#exchange.services.closing.aborted) this.#response.shouldKeepAlive = false;
      this.#response.writeHead(status, this.#headers);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new TroupeError('FUNCTION_ERROR', `The function answered with a head that HTTP does not allow: ${why}`, {
        cause: thrown,
      });
    }
  }
}
