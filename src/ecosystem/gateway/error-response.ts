/** Failures as HTTP: `{ "error": { code, message, details } }` under the status that the table of codes gives. */
import type { ServerResponse } from 'node:http';
import { type SerializedError, serializeError, type TroupeError, toTroupeError } from '../../errors.ts';
import { toJsonText } from './json-text.ts';

interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** True when the same request may succeed later. */
  readonly retryable: boolean;
  /** What lies behind it; for `FUNCTION_ERROR` the function's own error. */
  readonly cause?: SerializedError;
}

/** Seconds; for what a later attempt may mend. */
const RETRY_AFTER = '1';

function errorBody(error: TroupeError): ErrorBody {
  const { code, message, details, retryable, cause } = error;
  return { code, message, details, retryable, ...(cause === undefined ? {} : { cause: serializeError(cause) }) };
}

/** Details come from functions too, and may be anything. */
export function errorText(error: TroupeError): string {
  const body = errorBody(error);
  try {
    return toJsonText({ error: body });
  } catch {
    return toJsonText({ error: { code: body.code, message: body.message, details: {}, retryable: body.retryable } });
  }
}

/** Answers with what was thrown. After the head of an answer has gone out, breaking the connection is all that is left to say so. */
export function sendError(response: ServerResponse, thrown: unknown, isLast = false): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (response.destroyed) return;
  const error = toTroupeError(thrown);
  const body = errorText(error);
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))];
  const { allowed, invocationId } = error.details;
  if (error.code === 'METHOD_NOT_ALLOWED' && Array.isArray(allowed)) headers.push('Allow', allowed.join(', '));
  if (typeof invocationId === 'string') headers.push('X-Troupe-Invocation-Id', invocationId);
  if (error.retryable && (error.httpStatus === 429 || error.httpStatus === 503))
    headers.push('Retry-After', RETRY_AFTER);
  if (isLast) headers.push('Connection', 'close');
  response.writeHead(error.httpStatus, headers);
  response.end(body);
}
