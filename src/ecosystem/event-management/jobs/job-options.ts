/** What may be said of a job when it is enqueued, checked at the door: every fault at once, and nothing written. Pure. */
import { z } from 'zod';
import { FUNCTION_NAME_PATTERN } from '../../../config.ts';
import { TroupeError } from '../../../errors.ts';
import { attributeFault } from '../events/cloud-event.ts';
import type { EnqueueOptions } from '../protocol.ts';
import { type JobTerms, LEVELS } from './job-record.ts';
import type { NewJob } from './queue-protocol.ts';

const YEAR_MS = 365 * 86_400_000;
/** In ms since the Unix epoch: what a `Date` can hold. */
const LAST_TIME_MS = 8_640_000_000_000_000;

const span = z
  .number()
  .min(0)
  .max(100 * YEAR_MS);
const time = z.union([
  z.number().min(0).max(LAST_TIME_MS),
  z.date('must be a Date, or milliseconds since the Unix epoch').transform((date) => date.getTime()),
]);
/** Part of a key of the store. */
const key = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Surrogate}]*$/u, 'must have no control characters');
const errorNames = z.array(z.string().min(1).max(200)).min(1).max(100);

const attribute = (name: string) => z.string().refine((text) => attributeFault(name, text) === undefined);

const destination = z.union(
  [
    z.strictObject({ function: z.string().regex(FUNCTION_NAME_PATTERN, 'is not a function name') }),
    z.strictObject({ url: z.url({ protocol: /^https?$/ }).max(2_000) }),
    z.strictObject({
      event: z.strictObject({
        type: attribute('type'),
        source: attribute('source').optional(),
        subject: attribute('subject').optional(),
      }),
    }),
  ],
  'must be { function }, { url } or { event: { type, source, subject } }',
);

const backoff = z.union([
  span.transform((delayMs) => ({ type: 'fixed' as const, delayMs })),
  z.strictObject({
    type: z.enum(['fixed', 'exponential']),
    delayMs: span,
    maxDelayMs: span.optional(),
    jitter: z.enum(['full', 'none']).optional(),
  }),
]);

const schema = z
  .strictObject({
    delayMs: span,
    runAt: time,
    maxAgeMs: span,
    deadline: time,
    priority: z.enum(LEVELS),
    orderingKey: key,
    limitKey: key,
    idempotencyKey: key,
    idempotencyWindowMs: span,
    maxAttempts: z.number().int().min(1).max(1_000),
    backoff,
    retryOnly: errorNames,
    retryExcept: errorNames,
    timeoutMs: z.number().int().min(1).max(86_400_000),
    heartbeatMs: z.number().int().min(100).max(86_400_000),
    keepMs: span,
    onSuccess: destination,
    onFailure: destination,
  })
  .partial()
  .refine(({ delayMs, runAt }) => delayMs === undefined || runAt === undefined, 'delayMs and runAt exclude each other');

/** `normal`. */
const DEFAULT_LEVEL = 1;

/** What is wrong with them, each fault with its path. */
export function jobOptionFaults(options: unknown): string[] {
  const { error } = schema.safeParse(options);
  return error ? faultsIn(error) : [];
}

/** Throws `INVALID_ARGUMENT` that names every wrong option. */
export function newJob(payload: Uint8Array, options: EnqueueOptions | undefined): NewJob {
  if (options === undefined) return { payload, level: DEFAULT_LEVEL };
  const parsed = schema.safeParse(options);
  if (!parsed.success) {
    const faults = faultsIn(parsed.error);
    throw new TroupeError('INVALID_ARGUMENT', `Wrong option of the job: ${faults.join('; ')}.`, {
      details: { faults },
    });
  }
  const { runAt, deadline, priority, delayMs, maxAgeMs, orderingKey, limitKey, ...most } = defined(parsed.data);
  const { idempotencyKey, idempotencyWindowMs, ...rest } = most;
  const terms = { ...rest, ...(deadline !== undefined && { deadlineAtMs: deadline }) } as JobTerms;
  return {
    payload,
    level: priority === undefined ? DEFAULT_LEVEL : LEVELS.indexOf(priority),
    ...(runAt !== undefined && { dueAtMs: runAt }),
    ...(delayMs !== undefined && { delayMs }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    ...(orderingKey !== undefined && { orderingKey }),
    ...(limitKey !== undefined && { limitKey }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(idempotencyWindowMs !== undefined && { idempotencyWindowMs }),
    ...(Object.keys(terms).length > 0 && { terms }),
  };
}

function faultsIn({ issues }: z.ZodError): string[] {
  return issues.map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`);
}

/** An option that is given as undefined is not given. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
