/** Jobs on their way into a queue, as a promise. */
import { TroupeError } from '../../../errors.ts';
import type { ActorRef } from '../../../kernel/protocol.ts';
import type { Enqueued } from '../protocol.ts';
import type { JobQueueMessages, NewJob } from './queue-protocol.ts';

/** All or none; resolves once they are on disk. `left` is called when that is settled, ahead of those who wait for it. */
export function enqueueAll(
  queue: ActorRef<JobQueueMessages>,
  jobs: readonly NewJob[],
  left?: () => void,
): Promise<readonly Enqueued[]> {
  return new Promise((resolve, reject) => {
    const refused = (error: TroupeError): void => {
      left?.();
      reject(error);
    };
    const accepted = (enqueued: readonly Enqueued[]): void => {
      left?.();
      resolve(enqueued);
    };
    if (queue.tell('enqueue', { jobs, accepted, refused })) return;
    refused(new TroupeError('OVERLOADED', 'More jobs wait to be taken in than may wait. Try again later.'));
  });
}
