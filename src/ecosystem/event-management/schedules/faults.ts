/** The errors of schedules, each with what, why and how to mend it. */
import { TroupeError } from '../../../errors.ts';

export function scheduleNotFound(name: string): TroupeError {
  return new TroupeError(
    'SCHEDULE_NOT_FOUND',
    `There is no schedule ${JSON.stringify(name)}. List what is there with \`troupe schedule ls\`.`,
    { details: { schedule: name } },
  );
}

export function tooManySchedules(limit: number): TroupeError {
  return new TroupeError('OVERLOADED', `There are ${limit} schedules, which is all there may be. Remove some.`, {
    details: { limit },
  });
}

export function tooManyTimes(name: string, limit: number): TroupeError {
  return new TroupeError(
    'INVALID_ARGUMENT',
    `Schedule "${name}" has more than ${limit} times in that range, and nothing was enqueued. Backfill it in several ranges.`,
    { details: { schedule: name, limit } },
  );
}

export function notDeployed(functionName: string): TroupeError {
  return new TroupeError(
    'FUNCTION_NOT_FOUND',
    `No function or workflow ${JSON.stringify(functionName)} is deployed: deploy it before it is scheduled.`,
    { details: { functionName } },
  );
}

export function payloadLost(name: string): TroupeError {
  return new TroupeError('RECORD_CORRUPT', `The payload of schedule "${name}" is damaged or missing. Set it again.`, {
    details: { schedule: name },
  });
}

export function noAnswer(functionName: string): TroupeError {
  return new TroupeError('ASK_TIMEOUT', `The queue of "${functionName}" did not answer.`);
}

export function draining(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'The host is draining, and changes no schedules any more.');
}
