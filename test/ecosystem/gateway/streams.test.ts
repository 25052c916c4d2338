import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../../src/errors.ts';
import { until } from '../../support/until.ts';
import { errorOf, gatewayFor, invoke, open, responseTo } from './gateway-harness.ts';

const NDJSON = { headers: { accept: 'application/x-ndjson' } };
const SSE = { headers: { accept: 'text/event-stream' } };

async function* yielding(...chunks: unknown[]): AsyncGenerator<unknown, undefined> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield chunk;
  }
}

const streaming = (...chunks: unknown[]) => gatewayFor({ stream: () => yielding(...chunks) });

describe('A stream', () => {
  it('is a line of JSON for each chunk', async () => {
    const answer = await invoke(await streaming({ a: 1 }, 'two\nlines', 3n, Uint8Array.of(1)), NDJSON);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    expect(answer.text).toBe('{"a":1}\n"two\\nlines"\n3\n"AQ=="\n');
    expect(answer.trailers).toEqual({});
  });

  it('is an event for each chunk and one at the end', async () => {
    const answer = await invoke(await streaming(1, 'a\nb'), SSE);
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.text).toBe('data: 1\n\ndata: "a\\nb"\n\nevent: end\ndata: null\n\n');
  });

  it('may be empty', async () => {
    const answer = await invoke(await streaming(), NDJSON);
    expect([answer.status, answer.text]).toEqual([200, '']);
  });

  it('that fails before its first chunk has the status of the failure', async () => {
    const answer = await invoke(await streaming(new TroupeError('FUNCTION_NOT_FOUND', 'none')), NDJSON);
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'FUNCTION_NOT_FOUND']);
  });

  it('that fails later ends with the error and a trailer', async () => {
    const failure = new TroupeError('FUNCTION_ERROR', 'half way', { cause: new Error('half way') });
    const lines = await invoke(await streaming(1, failure), NDJSON);
    const [first, last] = lines.text.trimEnd().split('\n');
    expect([lines.status, first, lines.trailers['x-troupe-error']]).toEqual([200, '1', 'FUNCTION_ERROR']);
    expect(JSON.parse(last ?? '')).toMatchObject({ error: { code: 'FUNCTION_ERROR', cause: { message: 'half way' } } });
    const events = await invoke(await streaming(1, failure), SSE);
    expect(events.text).toMatch(/^data: 1\n\nevent: error\ndata: \{"error":\{"code":"FUNCTION_ERROR".*\}\n\n$/);
  });

  it('sends its first chunk while the second is being made', async () => {
    let goOn: () => void = () => {};
    const gateway = await gatewayFor({
      async *stream(): AsyncGenerator<unknown, undefined> {
        yield 1;
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        yield 2;
      },
    });
    const response = await responseTo(open(gateway, '/functions/hello/invocations', { method: 'POST', ...NDJSON }));
    const chunks = response[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe('1\n');
    goOn();
    expect(String((await chunks.next()).value)).toBe('2\n');
  });

  it('is cancelled when its reader goes away, also while its function makes no chunk', async () => {
    let returned = false;
    let signal: AbortSignal | undefined;
    const gateway = await gatewayFor({
      stream(_name, _payload, options) {
        signal = options.signal;
        let made = 0;
        return {
          next: () => (made++ === 0 ? Promise.resolve({ done: false, value: 1 }) : new Promise(() => {})),
          async return() {
            returned = true;
            return { done: true, value: undefined };
          },
          [Symbol.asyncIterator]() {
            return this;
          },
        };
      },
    });
    const outgoing = open(gateway, '/functions/hello/invocations', { method: 'POST', ...NDJSON });
    const response = await responseTo(outgoing);
    response.on('error', () => {});
    outgoing.destroy();
    await until(() => returned);
    expect(signal?.aborted).toBe(true);
  });

  it('that nobody reads is not pulled on', async () => {
    let pulled = 0;
    let isOver = false;
    const chunk = 'x'.repeat(65_536);
    const gateway = await gatewayFor({
      async *stream(): AsyncGenerator<unknown, undefined> {
        try {
          for (;;) {
            pulled++;
            yield chunk;
          }
        } finally {
          isOver = true;
        }
      },
    });
    const outgoing = open(gateway, '/functions/hello/invocations', { method: 'POST', ...NDJSON });
    const response = await responseTo(outgoing);
    response.pause().on('error', () => {});
    let before = -1;
    await until(
      () => {
        const isStill = pulled === before;
        before = pulled;
        return isStill;
      },
      { intervalMs: 100 },
    );
    // What fits into the buffers of two sockets, and no more.
    expect(pulled * chunk.length).toBeLessThan(32 * 1_048_576);
    outgoing.destroy();
    await until(() => isOver);
  });
});
