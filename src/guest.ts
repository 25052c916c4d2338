/**
 * What `import ... from 'troupe'` means inside a function. It is bundled into each of them, so it must stay tiny and free of the host:
 * loading the host inside an instance would open the store in a worker.
 */
import type { FunctionConfig } from './config.ts';
import { TroupeError } from './errors.ts';
import {
  type DefinedFunction,
  type FetchHandler,
  FUNCTION_BRAND,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
  type StreamHandler,
  type ValueHandler,
} from './handler.ts';

export type { FunctionConfig } from './config.ts';
export type { CloudEvent } from './ecosystem/event-management/protocol.ts';
export type { ErrorCode, ErrorDetails, TroupeErrorOptions } from './errors.ts';
export { TroupeError } from './errors.ts';
export type {
  BatchItem,
  Context,
  DefinedFunction,
  FetchHandler,
  Handler,
  Logger,
  NestedInvokeOptions,
  ScheduleEvent,
  StandardSchema,
  StreamHandler,
  ValueHandler,
} from './handler.ts';

/** What failed would fail again: thrown by a function, it ends a job, or a task of a workflow, whatever their retries say. */
export class NonRetryableError extends Error {
  override readonly name = 'NonRetryableError';
}

export interface FunctionDefinition<
  Input extends StandardSchema | undefined = undefined,
  Output extends StandardSchema | undefined = undefined,
> {
  /** Its event is what the input schema puts out; its result, or each chunk of its stream, is what the output schema takes in. */
  readonly handler:
    | ValueHandler<SchemaOutput<Input>, SchemaInput<Output>>
    | StreamHandler<SchemaOutput<Input>, SchemaInput<Output>>
    | FetchHandler;
  readonly config?: FunctionConfig;
  /** Checks the event at the door: `INVALID_INPUT`. */
  readonly input?: Input;
  /** Checks the result on its way out: `INVALID_OUTPUT`. */
  readonly output?: Output;
}

/** The typed form of a function: `export default defineFunction({ input, output, handler })`. Throws `HANDLER_INVALID`. */
export function defineFunction<
  const Input extends StandardSchema | undefined = undefined,
  const Output extends StandardSchema | undefined = undefined,
>(definition: FunctionDefinition<Input, Output>): DefinedFunction & { readonly handler: typeof definition.handler } {
  const { handler, config, input, output } = definition;
  const isFetch = typeof handler === 'object' && handler !== null && typeof handler.fetch === 'function';
  if (typeof handler !== 'function' && !isFetch) {
    throw new TroupeError(
      'HANDLER_INVALID',
      'defineFunction needs `handler`: a function of (event, context), or an object with a `fetch` method.',
    );
  }
  return {
    [FUNCTION_BRAND]: true,
    handler,
    ...(config === undefined ? {} : { config }),
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
  };
}

/** Exists in the host only; inside a function it throws `GUEST_ONLY`. */
export function createTroupe(): never {
  throw new TroupeError(
    'GUEST_ONLY',
    'Functions run inside a host; they cannot create one. Call `context.invoke(name, payload)` to reach another function.',
  );
}
