/** The errors of jobs, each with what, why and how to mend it. */
import { TroupeError } from '../../../errors.ts';
import type { JobStatus } from '../protocol.ts';

export function queueFull(queue: string, limit: number): TroupeError {
  return new TroupeError(
    'OVERLOADED',
    `The queue of "${queue}" has ${limit} jobs that are still to end and takes no more. Let some end, or raise \`queue.maxJobs\` of the function.`,
    { details: { function: queue, limit } },
  );
}

export function diskTooSlow(queue: string, waiting: number): TroupeError {
  return new TroupeError(
    'OVERLOADED',
    `The queue of "${queue}" has ${waiting} jobs waiting for the disk. Await what was enqueued before enqueuing more, or use enqueueMany.`,
    { details: { function: queue, waiting } },
  );
}

export function jobNotFound(id: string): TroupeError {
  return new TroupeError(
    'JOB_NOT_FOUND',
    `There is no job ${JSON.stringify(id)}, or it is no longer kept since it ended. List what is there with \`troupe job ls\`.`,
    { details: { jobId: id } },
  );
}

export function notRetryable(id: string, status: JobStatus): TroupeError {
  return new TroupeError('CONFLICT', `Job "${id}" is ${status}; only one that failed or was cancelled is retried.`, {
    details: { jobId: id, status },
  });
}

export function notHandedOn(id: string): TroupeError {
  return new TroupeError(
    'CONFLICT',
    `What came of job "${id}" is still on its way to its destination. Try again in a moment.`,
    { details: { jobId: id } },
  );
}

export function startedTooLate(latestMs: number): TroupeError {
  return new TroupeError(
    'TIMEOUT',
    `The job has not begun by ${new Date(latestMs).toISOString()}, which is as late as its maximum age or its deadline allows.`,
  );
}

/** Why an attempt failed that the host did not live to see the end of. */
export function hostEnded(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'The host ended while the job ran.');
}

export function payloadLost(id: string): TroupeError {
  return new TroupeError('RECORD_CORRUPT', `The payload of job "${id}" is damaged or missing.`, {
    details: { jobId: id },
  });
}

export function draining(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'The host is draining and takes no new jobs.');
}
