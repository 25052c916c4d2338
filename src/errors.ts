/**
 * One error class and one table for the whole runtime.
 *
 * Every failure that a caller can see is a `TroupeError` with a code from `ERROR_CODES`. The table says what a code means, which HTTP
 * status and which exit code it becomes, and whether a later attempt may succeed. Expected outcomes inside the runtime are data;
 * a `TroupeError` is made where an outcome leaves the runtime, or where a contract is broken.
 */

export type ErrorKind =
  | 'function'
  | 'usage'
  | 'build'
  | 'configuration'
  | 'not-allowed'
  | 'not-found'
  | 'timeout'
  | 'overloaded'
  | 'unavailable'
  | 'cancelled';

interface KindRow {
  readonly httpStatus: number;
  readonly exitCode: number;
}

/** The defaults of a kind; a code may override its HTTP status where HTTP has a more exact one. */
const KINDS: Readonly<Record<ErrorKind, KindRow>> = {
  function: { httpStatus: 502, exitCode: 1 },
  usage: { httpStatus: 400, exitCode: 2 },
  build: { httpStatus: 422, exitCode: 3 },
  configuration: { httpStatus: 500, exitCode: 3 },
  'not-allowed': { httpStatus: 403, exitCode: 4 },
  'not-found': { httpStatus: 404, exitCode: 5 },
  timeout: { httpStatus: 504, exitCode: 6 },
  overloaded: { httpStatus: 429, exitCode: 7 },
  unavailable: { httpStatus: 503, exitCode: 8 },
  cancelled: { httpStatus: 499, exitCode: 130 },
};

interface CodeRow {
  readonly kind: ErrorKind;
  readonly httpStatus?: number;
  /** True when the same request may succeed later without any change. */
  readonly retryable: boolean;
  readonly meaning: string;
}

const code = (kind: ErrorKind, retryable: boolean, meaning: string, httpStatus?: number): CodeRow =>
  httpStatus === undefined ? { kind, retryable, meaning } : { kind, retryable, meaning, httpStatus };

export const ERROR_CODES = {
  // What the function itself did.
  FUNCTION_ERROR: code('function', false, 'The function threw; the original error is the cause.'),
  RESULT_NOT_ENCODABLE: code('function', false, 'The function returned something that cannot leave its instance.'),
  RESULT_TOO_LARGE: code('function', false, 'The result is over the payload limit.'),
  INSTANCE_CRASHED: code('function', true, 'The instance ended while the call was inside.'),
  OUT_OF_MEMORY: code('function', false, 'The instance went over its memory limit and was stopped.'),
  INSTANCE_START_FAILED: code('function', true, 'No instance could be made ready; the reason is the cause.'),
  AGENT_LOST: code('unavailable', true, 'The node agent that hosted the instance went away while the call was inside.'),
  TIMEOUT: code('timeout', true, 'The call took longer than its timeout.'),
  CANCELLED: code('cancelled', false, 'The caller cancelled the call.'),
  CALL_DEPTH_EXCEEDED: code(
    'usage',
    false,
    'Functions called functions deeper than the limit, most likely in a circle.',
    508,
  ),

  // What the caller did.
  INVALID_ARGUMENT: code('usage', false, 'An argument or option is wrong; the message names it.'),
  INVALID_NAME: code('usage', false, 'The name is not allowed.'),
  INVALID_JSON: code('usage', false, 'The text is not JSON.'),
  INVALID_INPUT: code('usage', false, "The payload does not fit the function's input schema."),
  INVALID_OUTPUT: code('function', false, "The result does not fit the function's output schema."),
  PAYLOAD_TOO_LARGE: code('usage', false, 'The payload is over the limit.', 413),
  PAYLOAD_NOT_ENCODABLE: code('usage', false, 'The payload holds something that cannot be sent to an instance.'),
  FUNCTION_NOT_FOUND: code('not-found', false, 'No function of that name is deployed.'),
  VERSION_NOT_FOUND: code('not-found', false, 'The function has no such version.'),
  ALIAS_NOT_FOUND: code('not-found', false, 'The function has no such alias.'),
  ROUTE_NOT_FOUND: code('not-found', false, 'The gateway has no such route.'),
  METHOD_NOT_ALLOWED: code('usage', false, 'The route exists, but not for this method.', 405),
  CONFLICT: code('usage', false, 'The change contradicts the present state.', 409),
  NAME_TAKEN: code('usage', false, 'Another resource holds that name.', 409),
  GUEST_ONLY: code('usage', false, 'Functions run inside a host; they cannot create one.'),

  // Deploying.
  BUILD_FAILED: code('build', false, 'The source cannot be built; the message shows file, line and why.'),
  SOURCE_NOT_FOUND: code('not-found', false, 'There is nothing at the source path.'),
  SOURCE_OUTSIDE_ROOT: code('not-allowed', false, 'The source reaches out of its own directory.'),
  LOCKFILE_REQUIRED: code(
    'build',
    false,
    'The source has dependencies but no lock file, so the build is not repeatable.',
  ),
  HANDLER_INVALID: code('build', false, 'The source exports no handler in any of the three shapes.'),

  // Workflows.
  WORKFLOW_INVALID: code(
    'build',
    false,
    'The definition of the workflow has mistakes; the message names each with its place.',
  ),
  WORKFLOW_NOT_FOUND: code('not-found', false, 'No workflow of that name is deployed.'),
  EXECUTION_NOT_FOUND: code('not-found', false, 'There is no execution of that id, or not any more.'),
  STEP_FAILED: code('function', false, 'A step of the workflow failed and nothing caught it; its error is the cause.'),
  EXPRESSION_FAILED: code(
    'function',
    false,
    'An expression of the workflow threw, took too long, or used too much memory.',
  ),
  LOOP_LIMIT_EXCEEDED: code('function', false, 'A loop of the workflow went on beyond its limit.'),
  EXPANSION_TOO_DEEP: code(
    'function',
    false,
    'Dynamic tasks put out dynamic tasks deeper than the limit, most likely without end.',
  ),
  JOURNAL_TOO_LONG: code('function', false, 'The execution has more events than a journal may hold.'),
  JOURNAL_UNREADABLE: code('unavailable', false, 'A newer troupe wrote that journal, or a part of it is missing.', 500),

  // Jobs.
  JOB_NOT_FOUND: code('not-found', false, 'There is no job of that id, or not any more.'),
  SCHEDULE_NOT_FOUND: code('not-found', false, 'There is no schedule of that name.'),

  // Events.
  EVENT_NOT_FOUND: code('not-found', false, 'There is no event of that source and id, or not any more.'),
  TRIGGER_NOT_FOUND: code('not-found', false, 'There is no trigger of that name.'),

  // The host.
  OVERLOADED: code('overloaded', true, 'A queue or budget is full.'),
  MAILBOX_FULL: code('overloaded', true, 'A component has more messages waiting than it may hold.'),
  SHUTTING_DOWN: code('unavailable', true, 'The host is draining and takes no new work.'),
  NO_CAPACITY: code('unavailable', true, 'No node agent has room for the instance.'),
  ACTOR_STOPPED: code('unavailable', true, 'The component asked has stopped.'),
  ASK_TIMEOUT: code('unavailable', true, 'A component did not answer in time.'),
  HOST_UNREACHABLE: code('unavailable', true, 'No host answers at that address.'),
  CONFIG_INVALID: code('configuration', false, 'The configuration is wrong; the message names the option.'),
  PORT_IN_USE: code('unavailable', true, 'Another process listens on that port.'),
  BIND_REFUSED: code('not-allowed', false, 'Listening beyond loopback needs a key.'),
  ORIGIN_REFUSED: code(
    'not-allowed',
    false,
    'The request comes from a web page or a host name that is not of this machine.',
  ),
  DATA_DIR_LOCKED: code('unavailable', true, 'Another process has that data directory open.'),
  DATA_DIR_UNUSABLE: code('configuration', false, 'The data directory cannot be created, read or written.'),
  SCHEMA_TOO_NEW: code('configuration', false, 'A newer troupe wrote that data directory.'),
  RECORD_CORRUPT: code('unavailable', false, 'A stored record fails its checksum and is quarantined.', 500),
  STORE_WRITE_FAILED: code('unavailable', true, 'The store could not make a write durable.'),
  FRAME_INVALID: code(
    'unavailable',
    false,
    'A transport frame is torn, oversized or of an unknown version; its channel is closed.',
    500,
  ),
  CHANNEL_CLOSED: code('unavailable', true, 'The channel closed before the answer came.'),
  INTERNAL: code('unavailable', false, 'A bug in troupe. Please report it.', 500),
} as const satisfies Record<string, CodeRow>;

export type ErrorCode = keyof typeof ERROR_CODES;

export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface TroupeErrorOptions {
  /** Facts for programs; the message is for people. Must be plain data. */
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** The only error class that leaves the runtime. `code` is the contract; `message` says what, why and how to mend it. */
export class TroupeError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(errorCode: ErrorCode, message: string, options: TroupeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TroupeError';
    this.code = errorCode;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind;
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }

  get httpStatus(): number {
    const row: CodeRow = ERROR_CODES[this.code];
    return row.httpStatus ?? KINDS[row.kind].httpStatus;
  }

  get exitCode(): number {
    return KINDS[this.kind].exitCode;
  }
}

/** Plain data that stands for an error in a frame, in a log line or in the store. */
export interface SerializedError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly details?: ErrorDetails;
  readonly cause?: SerializedError;
}

/** Causes nested deeper than this are cut: a cause chain is user data and may be circular. */
const MAX_CAUSE_DEPTH = 8;

export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error) && !isErrorLike(error)) return { name: 'Error', message: describeThrown(error) };
  const serialized: { -readonly [Key in keyof SerializedError]: SerializedError[Key] } = {
    name: String(error.name),
    message: String(error.message),
  };
  if (typeof error.stack === 'string') serialized.stack = error.stack;
  const { code: errorCode } = error as { code?: unknown };
  if (typeof errorCode === 'string') serialized.code = errorCode;
  // By name: a function has a copy of this class of its own in its bundle.
  const { details } = error as { details?: ErrorDetails };
  if (error.name === 'TroupeError' && details && Object.keys(details).length > 0) serialized.details = details;
  if (error.cause !== undefined && depth < MAX_CAUSE_DEPTH) serialized.cause = serializeError(error.cause, depth + 1);
  return serialized;
}

export function deserializeError(serialized: SerializedError): Error {
  const cause = serialized.cause ? deserializeError(serialized.cause) : undefined;
  const error = isErrorCode(serialized.code)
    ? new TroupeError(serialized.code, serialized.message, { details: serialized.details ?? {}, cause })
    : Object.assign(new Error(serialized.message, cause && { cause }), serialized.code && { code: serialized.code });
  error.name = serialized.name;
  if (serialized.stack !== undefined) error.stack = serialized.stack;
  return error;
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}

/** Turns whatever was thrown into a `TroupeError`; what is not one already is a bug of ours and becomes `INTERNAL`. */
export function toTroupeError(thrown: unknown): TroupeError {
  if (thrown instanceof TroupeError) return thrown;
  const { name, message } = serializeError(thrown);
  return new TroupeError('INTERNAL', `${name}: ${message}`, { cause: thrown });
}

/** An error thrown in another realm (an instance evaluates code in its own context) fails `instanceof`. */
function isErrorLike(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && 'name' in value && 'stack' in value;
}

function describeThrown(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}
