/**
 * Functions of the test itself: called in its own process, in place of those that are deployed, or of those that are not. They take calls where
 * workflows do, before any other. A call that one instance makes to another without the host, as it may after many, is not seen here.
 */
import { deserializeError, serializeError, TroupeError } from '../../errors.ts';
import type { WorkflowCall, WorkflowDoor } from '../../function-management/router/protocol.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodePayload, encodePayload } from '../../transport/codec.ts';
import type { MockHandler } from './protocol.ts';

/** As of a function that says nothing. */
const TIMEOUT_MS = 30_000;

export class Mocks {
  readonly #clock: Clock;
  readonly #handlers = new Map<string, MockHandler>();
  readonly #running = new Map<WorkflowCall, AbortController>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer takes it away again. */
  set(name: string, handler: MockHandler): () => void {
    this.#handlers.set(name, handler);
    return () => {
      if (this.#handlers.get(name) === handler) this.#handlers.delete(name);
    };
  }

  before(door: WorkflowDoor): WorkflowDoor {
    return {
      has: (name) => this.#handlers.has(name) || door.has(name),
      invoke: (call) => {
        const handler = this.#handlers.get(call.functionName);
        if (!handler) return door.invoke(call);
        void this.#call(handler, call);
        return true;
      },
      abandon: (call) => {
        if (!this.#running.has(call)) return door.abandon(call);
        this.#running.get(call)?.abort();
        this.#running.delete(call);
      },
    };
  }

  async #call(handler: MockHandler, call: WorkflowCall): Promise<void> {
    const { functionName, attempt = 1, idempotencyKey, timeoutMs = TIMEOUT_MS } = call;
    const controller = new AbortController();
    const { signal } = controller;
    this.#running.set(call, controller);
    const release = this.#clock.hold?.(`the mock of "${functionName}" runs`, 'outside');
    const settle = (answer: () => void) => {
      if (this.#running.delete(call)) answer();
    };
    const cancelTimer = this.#clock.after(timeoutMs, () => {
      settle(() => call.failed(new TroupeError('TIMEOUT', `"${functionName}" took longer than ${timeoutMs} ms.`)));
      controller.abort();
    });
    try {
      const context = { functionName, attempt, idempotencyKey, signal };
      const payload = encodePayload(await handler(decoded(call.payload), context));
      settle(() => call.succeeded(payload));
    } catch (thrown) {
      settle(() => call.failed(errorOf(thrown)));
    } finally {
      cancelTimer();
      release?.();
    }
  }
}

function decoded(payload: Uint8Array): unknown {
  return payload.length === 0 ? undefined : decodePayload(payload);
}

/** As it would come out of an instance. */
function errorOf(thrown: unknown): TroupeError {
  const error = deserializeError(serializeError(thrown));
  if (error instanceof TroupeError) return error;
  return new TroupeError('FUNCTION_ERROR', error.message, { cause: error });
}
