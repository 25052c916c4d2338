/**
 * What a failed call is answered with. An error is user data: it may be huge, circular, or throw when it is looked at.
 */
import { type SerializedError, serializeError, TroupeError } from '../errors.ts';
import { encodeMeta } from '../transport/codec.ts';
import type { Job } from './answer.ts';
import { Refusal } from './refusal.ts';

/** Of a message, a stack and so on, for each error in the chain of causes. */
const MAX_TEXT_CHARACTERS = 16_384;

/** Never throws. */
export function encodeFailure(job: Job, thrown: unknown): Uint8Array {
  const attempts = [
    () => serializeError(functionError(job, thrown)),
    // Its details, most likely, are no data: what remains is what it says.
    () => serializeError(new TroupeError('FUNCTION_ERROR', serializeError(functionError(job, thrown)).message)),
  ];
  for (const attempt of attempts) {
    try {
      return encodeMeta(bound(attempt()));
    } catch {
      // The next one says less.
    }
  }
  const { functionName } = job.image;
  const error = new TroupeError(
    'FUNCTION_ERROR',
    `Function "${functionName}" failed with an error that cannot be read.`,
  );
  return encodeMeta(serializeError(error));
}

/** An error thrown by the function's own code. Its cancellation is passed on as it is: the function only repeats it. */
function functionError({ image, invocation }: Job, thrown: unknown): unknown {
  if (thrown !== undefined && thrown === invocation.cancelled) return thrown;
  if (thrown instanceof Refusal) return thrown;
  const { message } = serializeError(thrown);
  return new TroupeError('FUNCTION_ERROR', `Function "${image.functionName}" failed: ${message}`, { cause: thrown });
}

function bound(error: SerializedError): SerializedError {
  const { stack, cause } = error;
  return {
    ...error,
    message: cut(error.message),
    ...(stack === undefined ? {} : { stack: cut(stack) }),
    ...(cause === undefined ? {} : { cause: bound(cause) }),
  };
}

function cut(text: string): string {
  return text.length <= MAX_TEXT_CHARACTERS ? text : `${text.slice(0, MAX_TEXT_CHARACTERS)}...`;
}
