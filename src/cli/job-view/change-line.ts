/** A change of a job as a line, where no terminal reads. Pure. */
import type { JobStatus } from '../../ecosystem/event-management/protocol.ts';
import type { SerializedError } from '../../errors.ts';
import type { Colors } from '../terminal.ts';
import { oneLine } from '../workflow-view/words.ts';
import { errorText } from './job-table.ts';
import { progressText } from './progress.ts';

const BAR_COLUMNS = 10;

/** As the gateway sends them. */
export type SentChange =
  | { readonly type: 'lagging'; readonly dropped: number }
  | {
      readonly type?: never;
      readonly id: string;
      readonly function: string;
      readonly status: JobStatus;
      readonly attempts: number;
      readonly progress?: unknown;
      readonly error?: SerializedError;
    };

export function changeLine(change: SentChange, atMs: number, { dim, yellow, cyan, red, green }: Colors): string {
  const time = dim(new Date(atMs).toISOString().slice(11, 23));
  if (change.type === 'lagging')
    return `${time} ${yellow(`... ${change.dropped} changes left out: they came faster than they were read`)}`;
  const { id, function: name, status, attempts, progress, error } = change;
  const paint = status === 'failed' ? red : status === 'succeeded' ? green : (text: string) => text;
  const facts = [
    attempts > 0 && status !== 'waiting' ? `attempt ${attempts}` : '',
    progress === undefined ? '' : progressText(progress, BAR_COLUMNS),
    error ? errorText(error) : '',
  ].filter((fact) => fact !== '');
  return [time, cyan(oneLine(name)), oneLine(id), paint(status), ...facts].join(' ');
}
