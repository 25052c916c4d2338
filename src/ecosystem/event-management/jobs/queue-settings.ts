/** How the jobs of a function are run, from its configuration. Pure. */
import { type QueueConfig, resolveQueueConfig } from '../../../config.ts';
import { CURRENT_ALIAS, type FunctionDescription } from '../../../function-management/registry/protocol.ts';
import type { KeyLimit } from './key-limits.ts';
import type { QueueSettings } from './queue-protocol.ts';

/** Of the version that calls without a version go to; of a workflow, or of what is not deployed, the defaults. */
export function settingsFor(description: FunctionDescription | undefined): QueueSettings {
  const target = description?.aliases.find(({ alias }) => alias === CURRENT_ALIAS)?.targets[0]?.version;
  const { concurrency, rateLimit, perKey, batch, maxJobs } = resolveQueueConfig(
    description?.versions.find(({ version }) => version === target)?.config.queue,
  );
  return {
    concurrency,
    maxJobs,
    ...(rateLimit && { rateLimit }),
    ...(perKey && { perKey: keyLimit(perKey) }),
    ...(batch && { batch }),
  };
}

function keyLimit({ concurrency, rateLimit }: NonNullable<QueueConfig['perKey']>): KeyLimit {
  return { ...(concurrency !== undefined && { concurrency }), ...(rateLimit && { rateLimit }) };
}
