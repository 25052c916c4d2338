/** What may be said of a trigger, checked at the door: every fault at once, each with its path. Pure. */
import { FUNCTION_NAME_PATTERN } from '../../../config.ts';
import { isRecord } from '../../../store/shape.ts';
import { jobOptionFaults } from '../jobs/job-options.ts';
import type { Filter, TriggerJobOptions, TriggerOptions } from '../protocol.ts';
import { wrongTrigger } from './faults.ts';
import { filterFaults } from './filters.ts';

/** Those of `enqueue` but for what belongs to one job alone. */
const JOB_OPTIONS: ReadonlySet<string> = new Set<keyof TriggerJobOptions>([
  'delayMs',
  'maxAgeMs',
  'priority',
  'orderingKey',
  'maxAttempts',
  'backoff',
  'retryOnly',
  'retryExcept',
  'timeoutMs',
  'heartbeatMs',
  'keepMs',
  'onSuccess',
  'onFailure',
]);

export interface CheckedTrigger {
  readonly function: string;
  readonly filters: readonly Filter[];
  readonly job?: TriggerJobOptions;
}

/** Throws `INVALID_ARGUMENT` that names every fault. */
export function checkTrigger(name: string, options: TriggerOptions | unknown): CheckedTrigger {
  if (!isRecord(options)) throw wrongTrigger(name, ['must be an object with the function that it starts']);
  const { function: functionName, filters = [], job, ...others } = options;
  const faults = [
    ...(typeof functionName === 'string' && FUNCTION_NAME_PATTERN.test(functionName)
      ? []
      : ['function: must be the name of a function or workflow']),
    ...filterFaults(filters),
    ...jobFaults(job),
    ...Object.keys(others).map((other) => `${other.slice(0, 50)}: is no option; there are function, filters and job`),
  ];
  if (faults.length > 0) throw wrongTrigger(name, faults);
  const { ...plain } = (job ?? {}) as Record<string, unknown>;
  for (const [option, value] of Object.entries(plain)) if (value === undefined) delete plain[option];
  return {
    function: functionName as string,
    // A copy: it is kept, and its owner may change the original.
    filters: structuredClone(filters) as readonly Filter[],
    ...(Object.keys(plain).length > 0 && { job: structuredClone(plain) as TriggerJobOptions }),
  };
}

function jobFaults(job: unknown): string[] {
  if (job === undefined) return [];
  if (!isRecord(job)) return ['job: must be an object of options'];
  const unknown = Object.keys(job).filter((option) => !JOB_OPTIONS.has(option));
  const rest = Object.fromEntries(Object.entries(job).filter(([option]) => JOB_OPTIONS.has(option)));
  return [
    ...unknown.map(
      (option) => `job.${option.slice(0, 50)}: is no option of it; there are ${[...JOB_OPTIONS].join(', ')}`,
    ),
    ...jobOptionFaults(rest).map((fault) => `job.${fault}`),
  ];
}
