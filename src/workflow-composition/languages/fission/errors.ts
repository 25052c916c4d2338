/** Failures of steps as plain data: without stacks, so that the same state gives the same decisions. */
import type { ErrorCode, ErrorDetails, SerializedError } from '../../../errors.ts';

export function plainError(code: ErrorCode, message: string, details?: ErrorDetails): SerializedError {
  return { name: 'TroupeError', code, message, ...(details && Object.keys(details).length > 0 && { details }) };
}

/** Fails the step that is being prepared. */
export class StepFault extends Error {
  readonly error: SerializedError;

  constructor(error: SerializedError) {
    super(error.message);
    this.name = 'StepFault';
    this.error = error;
  }
}

/** Whether a rule of a `catch` names it: by its code or name, or that of what caused it. `*` is any. */
export function matchesError(error: SerializedError, names: readonly string[] | undefined): boolean {
  if (names === undefined || names.includes('*')) return true;
  for (let each: SerializedError | undefined = error; each; each = each.cause) {
    if (names.includes(each.name) || (each.code !== undefined && names.includes(each.code))) return true;
  }
  return false;
}

/** As expressions see it: of what a function threw, its own name and message. */
export function errorView(error: SerializedError): Readonly<Record<string, unknown>> {
  const own = (error.code === 'FUNCTION_ERROR' && error.cause) || error;
  return { code: error.code ?? own.code ?? own.name, name: own.name, message: own.message };
}
