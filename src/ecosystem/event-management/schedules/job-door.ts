/** Hands jobs of schedules to the queues: at once where the queue is open, and never without an answer. */
import type { CancelTimer } from '../../../kernel/clock.ts';
import type { ActorRef } from '../../../kernel/protocol.ts';
import { enqueueAll } from '../jobs/enqueue-all.ts';
import type { JobsMessages, OpenQueues } from '../jobs/jobs-protocol.ts';
import type { JobQueueMessages, NewJob } from '../jobs/queue-protocol.ts';
import type { Enqueued, JobStatus } from '../protocol.ts';
import { noAnswer, notDeployed } from './faults.ts';

/** A queue that fails with a request inside never answers it; asking again does no harm, for a job has its key. */
const NO_ANSWER_MS = 30_000;
const OVER: readonly JobStatus[] = ['succeeded', 'failed', 'cancelled'];

export interface JobDoorParts {
  readonly jobs: ActorRef<JobsMessages>;
  readonly queues: OpenQueues;
  readonly isDeployed: (name: string) => boolean;
  readonly after: (delayMs: number, callback: () => void) => CancelTimer;
}

export class JobDoor {
  readonly #parts: JobDoorParts;

  constructor(parts: JobDoorParts) {
    this.#parts = parts;
  }

  /** All or none; resolves once they are on disk. Rejects with a `TroupeError`. */
  async enqueue(functionName: string, jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    const { jobs: actor, queues, isDeployed } = this.#parts;
    if (!isDeployed(functionName)) throw notDeployed(functionName);
    const queue = queues.get(functionName) ?? (await actor.ask('open', { queue: functionName }));
    return this.#tell(queue, functionName, jobs);
  }

  /** It has succeeded, failed, or is not known any more. */
  async isOver({ id, function: functionName }: { readonly id: string; readonly function: string }): Promise<boolean> {
    const view = await this.#parts.queues.get(functionName)?.ask('show', { id });
    return !view || OVER.includes(view.status);
  }

  #tell(
    queue: ActorRef<JobQueueMessages>,
    functionName: string,
    jobs: readonly NewJob[],
  ): Promise<readonly Enqueued[]> {
    return new Promise((resolve, reject) => {
      const giveUp = this.#parts.after(NO_ANSWER_MS, () => reject(noAnswer(functionName)));
      enqueueAll(queue, jobs, giveUp).then(resolve, reject);
    });
  }
}
