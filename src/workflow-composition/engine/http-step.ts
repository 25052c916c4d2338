/** Sends the requests of `http` tasks. The body of an answer has a bound; an answer of 400 or more is a failure. */
import { TroupeError } from '../../errors.ts';
import { type Clock, holdClock } from '../../kernel/clock.ts';
import type { HttpStep } from '../language.ts';
import type { HttpAnswer, SendRequest } from './protocol.ts';

export function httpSender(limitBytes: number, clock: Clock): SendRequest {
  return async (request, { signal, timeoutMs }) => {
    const limit = new AbortController();
    const cancelTimer = clock.after(timeoutMs, () => limit.abort());
    try {
      const work = send(request, AbortSignal.any([signal, limit.signal]), limitBytes);
      return await holdClock(clock, `${request.method} ${request.url}`, work);
    } catch (thrown) {
      throw fault(request, thrown, { isLate: limit.signal.aborted, timeoutMs });
    } finally {
      cancelTimer();
    }
  };
}

async function send(
  { url, method, headers, body }: HttpStep,
  signal: AbortSignal,
  limitBytes: number,
): Promise<HttpAnswer> {
  const response = await fetch(url, { method, headers, signal, ...(body !== undefined && { body }) });
  const bytes = await readAtMost(response, limitBytes);
  if (response.status >= 400) {
    const text = Buffer.from(bytes.subarray(0, 1_024)).toString('utf8');
    throw new TroupeError('FUNCTION_ERROR', `${method} ${url} was answered with ${response.status}: ${text}`, {
      details: { status: response.status },
    });
  }
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, headers: Object.fromEntries(response.headers), body: parsed(bytes, type) };
}

async function readAtMost(response: Response, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > limitBytes)
      throw new TroupeError('RESULT_TOO_LARGE', `The answer is over the limit of ${limitBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function parsed(bytes: Uint8Array, type: string): unknown {
  if (/^text\/|[/+](json|xml)\b|urlencoded/.test(type)) {
    const text = Buffer.from(bytes).toString('utf8');
    if (!/[/+]json\b/.test(type)) return text;
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return bytes;
}

function fault(
  { url, method }: HttpStep,
  thrown: unknown,
  { isLate, timeoutMs }: { isLate: boolean; timeoutMs: number },
): TroupeError {
  if (thrown instanceof TroupeError) return thrown;
  if (isLate) return new TroupeError('TIMEOUT', `${method} ${url} was not answered within ${timeoutMs} ms.`);
  const { message, cause } = thrown as Error;
  const why = cause instanceof Error ? cause.message : message;
  return new TroupeError('FUNCTION_ERROR', `${method} ${url} failed: ${why}`, { cause: thrown });
}
