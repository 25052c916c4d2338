/** All that is known of a job, for people. Pure. */
import type { FailedAttempt, JobView } from '../../ecosystem/event-management/protocol.ts';
import { toJson } from '../terminal.ts';
import { oneLine, timeSpan } from '../workflow-view/words.ts';
import { errorText, type JobClock } from './job-table.ts';
import { progressText } from './progress.ts';

const LABEL_COLUMNS = 12;
const BAR_COLUMNS = 20;

export function jobLines(job: JobView, { colors, nowMs }: JobClock): string[] {
  const line = (label: string, text: string) => `${colors.dim(label.padEnd(LABEL_COLUMNS))}${text}`;
  return [
    line('job', `${oneLine(job.id)}  ${oneLine(job.function)}`),
    line('status', statusText(job)),
    ...[...facts(job, nowMs)].map(([label, text]) => line(label, text)),
    ...job.errors.flatMap((failure) => [
      '',
      line(`attempt ${failure.attempt}`, `${instant(failure.atMs)}  ${colors.red(errorText(failure.error))}`),
      ...stackOf(failure).map((text) => colors.dim(`${' '.repeat(LABEL_COLUMNS)}${text}`)),
    ]),
  ];
}

function statusText({ status, attempts, maxAttempts, priority }: JobView): string {
  const rank = priority === 'normal' ? '' : `, priority ${priority}`;
  return `${status}, attempt ${attempts} of ${maxAttempts}${rank}`;
}

function* facts(job: JobView, nowMs: number): Generator<[label: string, text: string]> {
  const ago = (atMs: number) => `${instant(atMs)}, ${timeSpan(Math.max(0, nowMs - atMs))} ago`;
  yield ['enqueued', ago(job.enqueuedAtMs)];
  if (job.dueAtMs !== undefined)
    yield ['due', `${instant(job.dueAtMs)}, in ${timeSpan(Math.max(0, job.dueAtMs - nowMs))}`];
  if (job.startedAtMs !== undefined) yield ['started', ago(job.startedAtMs)];
  if (job.endedAtMs !== undefined) yield ['ended', ago(job.endedAtMs)];
  if (job.orderingKey !== undefined) yield ['order', oneLine(job.orderingKey)];
  if (job.idempotencyKey !== undefined) yield ['key', oneLine(job.idempotencyKey)];
  if (job.progress !== undefined) yield ['progress', progressText(job.progress, BAR_COLUMNS)];
  if (job.payload !== undefined && job.payload !== null) yield ['payload', toJson(job.payload)];
  if (job.status === 'succeeded') yield ['result', toJson(job.result)];
}

/** Lines of the stack, without those that say the message again. */
function stackOf({ error }: FailedAttempt): string[] {
  const { stack } = error.code === 'FUNCTION_ERROR' && error.cause ? error.cause : error;
  return (stack ?? '')
    .split('\n')
    .filter((line) => /^\s*at /.test(line))
    .map((line) => oneLine(line.trim()));
}

function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}
