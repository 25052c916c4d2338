/**
 * Tells from what is left of a worker why it ended. Pure.
 */
import { type ErrorCode, type SerializedError, serializeError, TroupeError } from '../../errors.ts';
import type { WorkerStopReason } from './protocol.ts';

export interface WorkerEnd {
  readonly reason: WorkerStopReason;
  readonly error?: SerializedError;
}

/** Printed by V8 ahead of the abort; the second line comes from Node when `new` of a C++ object fails. */
const OUT_OF_MEMORY_OUTPUT = /JavaScript heap out of memory|Allocation failed - process out of memory|std::bad_alloc/;
const ABORT_EXIT_CODE = 134;

/** A thread: `error` is what its 'error' event carried, if there was one. */
export function threadEnd(error: unknown, exitCode: number, stderr: string): WorkerEnd {
  if (error === undefined) return exited(exitCode, stderr);
  const serialized = serializeError(error);
  if (serialized.code !== 'ERR_WORKER_OUT_OF_MEMORY') return { reason: 'crashed', error: serialized };
  return outOfMemory('Its heap went over the limit.', { cause: error });
}

export function processEnd(exitCode: number | null, signal: string | null, stderr: string): WorkerEnd {
  const aborted = signal === 'SIGABRT' || signal === 'SIGTRAP' || exitCode === ABORT_EXIT_CODE;
  if (aborted && OUT_OF_MEMORY_OUTPUT.test(stderr)) {
    return outOfMemory('Its heap went over the limit and the process aborted.', { stderr });
  }
  if (signal !== null || aborted) {
    return crashed(`The process was ended by ${signal ?? 'SIGABRT'}.`, { signal: signal ?? 'SIGABRT', stderr });
  }
  return exited(exitCode ?? 0, stderr);
}

export function outOfMemory(what: string, facts: { readonly cause?: unknown; readonly stderr?: string }): WorkerEnd {
  const error = new TroupeError(
    'OUT_OF_MEMORY',
    `${what} Give the function more with memoryMb, or let it hold less at a time.`,
    { cause: facts.cause, details: facts.stderr ? { stderr: facts.stderr } : {} },
  );
  return { reason: 'out-of-memory', error: withoutStack(error) };
}

export function startFailed(why: string, stderr: string): WorkerEnd {
  const error = new TroupeError('INSTANCE_START_FAILED', why, { details: stderr ? { stderr } : {} });
  return { reason: 'start-failed', error: withoutStack(error) };
}

/** It came to this end before it was up. */
export function endedAtStart({ reason, error }: WorkerEnd): WorkerEnd {
  if (reason !== 'exited') return { reason: 'start-failed', ...(error && { error }) };
  const { exitCode, stderr } = error?.details ?? {};
  const lastWords = typeof stderr === 'string' && stderr !== '' ? `: ${stderr.trim().split('\n').at(-1)}` : '.';
  const why = `It ended with exit code ${exitCode} before it was up${lastWords}`;
  const failed = new TroupeError('INSTANCE_START_FAILED', why, { details: error?.details ?? {} });
  return { reason: 'start-failed', error: withoutStack(failed) };
}

/** What the calls that were inside are answered with. */
export function endError(workerId: string, end: WorkerEnd): TroupeError {
  const { code, what } = EXPLANATIONS[end.reason];
  const cause = end.error && Object.assign(new Error(end.error.message), { name: end.error.name });
  if (cause && end.error?.stack !== undefined) cause.stack = end.error.stack;
  const because = end.error ? `: ${end.error.message}` : '.';
  return new TroupeError(code, `Instance ${workerId} ${what}${because}`, { cause, details: { reason: end.reason } });
}

const EXPLANATIONS: Readonly<Record<WorkerStopReason, { readonly code: ErrorCode; readonly what: string }>> = {
  requested: { code: 'CHANNEL_CLOSED', what: 'was stopped' },
  'out-of-memory': { code: 'OUT_OF_MEMORY', what: 'ran out of memory' },
  crashed: { code: 'INSTANCE_CRASHED', what: 'crashed' },
  exited: { code: 'INSTANCE_CRASHED', what: 'exited' },
  'start-failed': { code: 'INSTANCE_START_FAILED', what: 'did not start' },
  abandoned: { code: 'INSTANCE_CRASHED', what: 'is stuck and was abandoned' },
  'agent-lost': { code: 'AGENT_LOST', what: 'went down with its agent' },
};

function exited(exitCode: number, stderr: string): WorkerEnd {
  const error = new TroupeError(
    'INSTANCE_CRASHED',
    `The instance ended itself with exit code ${exitCode}. A function returns; it must not call process.exit.`,
    { details: { exitCode, ...(stderr ? { stderr } : {}) } },
  );
  return { reason: 'exited', error: withoutStack(error) };
}

function crashed(what: string, details: Readonly<Record<string, unknown>>): WorkerEnd {
  return { reason: 'crashed', error: withoutStack(new TroupeError('INSTANCE_CRASHED', what, { details })) };
}

/** The stack would show where the agent noticed, which helps nobody. */
export function withoutStack(error: TroupeError): SerializedError {
  const { stack: _stack, ...rest } = serializeError(error);
  return rest;
}

/** Why an agent is gone. `why` is what this side did or saw; the rest is what the process left. */
export function agentLostError(
  agentId: string,
  left: {
    readonly why: string | undefined;
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly stderr: string;
  },
): TroupeError {
  const { why, exitCode, signal, stderr } = left;
  const how = signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
  const because = OUT_OF_MEMORY_OUTPUT.test(stderr) ? ' A function in it ran out of memory.' : why ? ` ${why}` : '';
  return new TroupeError('AGENT_LOST', `Node agent ${agentId} ${how}.${because}`, {
    details: { exitCode, signal, ...(stderr ? { stderr } : {}) },
  });
}
