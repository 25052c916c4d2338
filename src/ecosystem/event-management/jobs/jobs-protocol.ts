/** Durable jobs, over all queues. Types only. */
import type { ActorRef } from '../../../kernel/protocol.ts';
import type { JobQuery, JobStatus, JobView, QueueView } from '../protocol.ts';
import type { JobListener, JobQueueMessages, QueueSettings } from './queue-protocol.ts';

export type JobsMessages = {
  /** The queue of that function, which begins to exist where it does not. */
  open: { body: { readonly queue: string }; reply: ActorRef<JobQueueMessages> };
  /** Refuses with `JOB_NOT_FOUND`. */
  show: { body: { readonly id: string }; reply: JobView };
  list: { body: JobQuery; reply: readonly JobView[] };
  cancel: { body: { readonly id: string }; reply: JobStatus };
  retry: { body: { readonly id: string }; reply: JobStatus };
  /** Dead letters, of one function or of all: how many were put back in line, or forgotten. */
  retryDead: { body: { readonly function?: string }; reply: number };
  purgeDead: { body: { readonly function?: string }; reply: number };
  pause: { body: { readonly function: string }; reply: undefined };
  resume: { body: { readonly function: string }; reply: undefined };
  queues: { body: undefined; reply: readonly QueueView[] };
  watch: { body: JobListener };
  unwatch: { body: JobListener };
  /** A function was deployed, with these settings. */
  configure: { body: { readonly queue: string; readonly settings: QueueSettings } };
  /** All that was deployed can be called: jobs may run from now on, and not before. */
  begin: { body: undefined };
  drain: { body: undefined };
};

/** Queues that are open, by name: asked on the way of every job. */
export interface OpenQueues {
  get(queue: string): ActorRef<JobQueueMessages> | undefined;
}
