/** Jobs as a table. Pure. */
import type { JobView } from '../../ecosystem/event-management/protocol.ts';
import type { SerializedError } from '../../errors.ts';
import { type Colors, table } from '../terminal.ts';
import { cut, oneLine, timeSpan } from '../workflow-view/words.ts';

const ERROR_COLUMNS = 60;

export interface JobClock {
  readonly colors: Colors;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

export type ListedJob = Omit<JobView, 'payload' | 'result'>;

export function jobTable(jobs: readonly ListedJob[], { colors, nowMs }: JobClock): string[] {
  const rows = jobs.map((job) => [
    oneLine(job.id),
    oneLine(job.function),
    job.status,
    `${job.attempts}/${job.maxAttempts}`,
    timeSpan(Math.max(0, nowMs - job.enqueuedAtMs)),
    timeOf(job, nowMs),
    errorOf(job),
  ]);
  return table(colors, ['JOB', 'FUNCTION', 'STATUS', 'ATTEMPTS', 'AGE', 'TIME', 'ERROR'], rows);
}

/** When it goes on, or for how long it runs, or ran last. */
function timeOf({ status, dueAtMs, startedAtMs, endedAtMs }: ListedJob, nowMs: number): string {
  if (status === 'delayed' || status === 'retrying')
    return dueAtMs === undefined ? '-' : `in ${timeSpan(Math.max(0, dueAtMs - nowMs))}`;
  if (status === 'waiting' || startedAtMs === undefined) return '-';
  const untilMs = status === 'running' ? nowMs : (endedAtMs ?? nowMs);
  return `${status === 'running' ? 'for' : 'ran'} ${timeSpan(Math.max(0, untilMs - startedAtMs))}`;
}

/** Of one that has succeeded, what went wrong before is of no interest in a list. */
function errorOf({ status, errors }: ListedJob): string {
  const last = status === 'succeeded' ? undefined : errors.at(-1)?.error;
  return last ? cut(errorText(last), ERROR_COLUMNS) : '';
}

/** What a function threw itself says more than that it threw. */
export function errorText(error: SerializedError): string {
  const { code, cause, name, message } = error;
  if (code === 'FUNCTION_ERROR' && cause) return oneLine(`${cause.name}: ${cause.message}`);
  return oneLine(`${code ?? name}: ${message}`);
}
