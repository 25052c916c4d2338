/**
 * Every option of the runtime, once: its unit, its range, its default and why that is the default. The only reader of `process.env`.
 *
 * Precedence: argument or flag, then environment, then default.
 */
import { availableParallelism, totalmem } from 'node:os';
import { z } from 'zod';
import { type ErrorCode, TroupeError } from './errors.ts';

const DAY_MS = 86_400_000;
const MIB = 1_048_576;

const milliseconds = (max: number) => z.number().int().min(0).max(max);

export const ISOLATIONS = ['thread', 'process'] as const;
export const PRIORITIES = ['high', 'normal', 'background'] as const;

/** Names are part of paths, URLs and metric labels, so they are what all of these allow. */
export const FUNCTION_NAME_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const rateLimitSchema = z.strictObject({
  max: z.number().int().min(1).max(10_000),
  perMs: milliseconds(DAY_MS).min(1),
});

/** How jobs of one function are run; the calls of others are not held to it. */
export const queueConfigSchema = z.strictObject({
  /** Calls at a time, each of one job or of one batch. 16: enough for functions that wait, and not so much that one function takes the whole host. */
  concurrency: z.number().int().min(1).max(10_000).default(16),
  /** At most `max` calls begin in any `perMs`, across restarts and crashes too. Each waits for the disk before it begins. */
  rateLimit: rateLimitSchema.optional(),
  /** The same for each `limitKey` that jobs are enqueued with, a tenant's say: what one has too many of does not hold up the others. */
  perKey: z
    .strictObject({
      concurrency: z.number().int().min(1).max(10_000).optional(),
      rateLimit: rateLimitSchema.extend({ max: z.number().int().min(1).max(1_000) }).optional(),
    })
    .refine(
      ({ concurrency, rateLimit }) => concurrency !== undefined || rateLimit !== undefined,
      'must have concurrency, rateLimit, or both',
    )
    .optional(),
  /**
   * The function is given up to `maxSize` jobs in one call, as an array of `BatchItem`. A batch begins when it is full, or `maxWaitMs` after its first
   * job could have run.
   */
  batch: z
    .strictObject({ maxSize: z.number().int().min(2).max(1_000), maxWaitMs: milliseconds(DAY_MS).default(0) })
    .optional(),
  /** Jobs that are still to end; one more is refused with `OVERLOADED`. 2,000,000: about a gigabyte of disk with small payloads. */
  maxJobs: z.number().int().min(1).max(1_000_000_000).default(2_000_000),
});

export type QueueConfig = z.output<typeof queueConfigSchema>;

/**
 * The options of one function, given to `deploy`, exported by the function as `config`, or passed to `defineFunction`.
 * `deploy` wins over the function's own export.
 */
export const functionConfigSchema = z.strictObject({
  /** A call that takes longer is answered with `TIMEOUT`. 30 s: longer than an interactive user waits, shorter than a stuck call hurts. */
  timeoutMs: milliseconds(DAY_MS).min(1).default(30_000),
  /** Calls inside one instance at a time. 1: no surprise for code that keeps state in variables; raise it for handlers that wait. */
  concurrency: z.number().int().min(1).max(1_000).default(1),
  /** `thread`: a worker thread, 8 MB, starts in 20 ms. `process`: a child process, 45 MB, survives what no thread does. */
  isolation: z.enum(ISOLATIONS).default('thread'),
  /** What one instance may use, in MiB. 128 holds a mid-sized bundle with its data. */
  memoryMb: z.number().int().min(16).max(65_536).default(128),
  /** Environment variables of the function: the only ones that it sees. */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(32_768)).default({}),
  /** Kept ready without any call. 0: an idle function costs nothing. */
  minInstances: z.number().int().min(0).max(1_000).default(0),
  /** 100: a single function should hit the host's memory budget first. */
  maxInstances: z.number().int().min(1).max(1_000).default(100),
  /** An instance is kept this long after the last call. 10 min: what the public clouds are measured to do. */
  keepAliveMs: milliseconds(7 * DAY_MS).default(600_000),
  /** Calls that may wait for an instance, a cold start included; one more is answered with `OVERLOADED`. */
  maxQueued: z.number().int().min(1).max(1_000_000).default(10_000),
  /** True when running a call twice does no harm: it is then retried when its instance is lost. */
  idempotent: z.boolean().default(false),
  /** Attempts at an idempotent call whose instance was lost, the first included. 3: a function that kills three instances is at fault itself. */
  maxAttempts: z.number().int().min(1).max(10).default(3),
  priority: z.enum(PRIORITIES).default('normal'),
  queue: queueConfigSchema.optional(),
  /** `exec` runs any executable for each call: input on standard input, output from standard output. */
  runtime: z.enum(['node', 'exec']).default('node'),
  /** Shown in listings. */
  description: z.string().max(1_024).default(''),
});

/** What a user may write; everything is optional. */
export type FunctionConfig = z.input<typeof functionConfigSchema>;
/** What the runtime works with; everything is there. */
export type ResolvedFunctionConfig = z.output<typeof functionConfigSchema>;

export const hostConfigSchema = z
  .strictObject({
    /** Where everything durable lives. Absent: in memory, and in a temporary directory for function code, gone at close. */
    dataDir: z.string().min(1).optional(),
    /** `inline`: instances in this process, calls in microseconds. `process`: in a child process that may die alone. */
    agent: z.enum(['inline', 'process']).default('inline'),
    /** How many node agents share the budget. */
    agents: z.number().int().min(1).max(16).default(1),
    /** What all instances together may use, in MiB. Half of the machine: the host, the page cache and its neighbours need the rest. */
    memoryBudgetMb: z
      .number()
      .int()
      .min(64)
      .default(Math.max(64, Math.floor(totalmem() / MIB / 2))),
    /**
     * Workers that each node agent keeps ready without a function in them, so that a cold start takes a millisecond instead of 20 (thread) or
     * 80 (process); 0 keeps none. 4: two threads of the size last asked for and a few for other sizes, about 8 MiB each, or 45 for a process.
     * They come on top of the memory budget, never cost more than an eighth of it, and none is started before the first function is deployed.
     */
    spares: z.number().int().min(0).max(64).default(4),
    /**
     * Whether a caller and an instance may watch for each other for a moment, 0.1 to 0.3 ms at most, before they sleep: it saves the 30 us of a
     * wake-up. It has to be earned and stops while it does not pay. False where CPU time is what counts: a metered container, a battery, a
     * machine whose cores are all taken.
     */
    spin: z.boolean().default(true),
    /**
     * Who says how many instances there are. `predictive`: learns when each function is called, and has an instance there just before, within the
     * memory budget. `reactive`: Knative's windows and a keep-alive. `hybrid-histogram`: as Azure Functions (ATC 2020). `fixed`: a keep-alive.
     */
    scaling: z.enum(['predictive', 'reactive', 'hybrid-histogram', 'fixed']).default('predictive'),
    /** How finely `predictive` cuts time. A minute: what people and their timers do; less for calls that are faster than that. */
    forecastIntervalMs: milliseconds(DAY_MS).min(100).default(60_000),
    /** Largest payload and result, in bytes. 6 MiB: the limit of AWS Lambda, which functions written for it respect. */
    payloadLimitBytes: z
      .number()
      .int()
      .min(1_024)
      .max(256 * MIB)
      .default(6 * MIB),
    /** How deep functions may call functions. 16: deeper chains are circles in practice. */
    maxCallDepth: z.number().int().min(1).max(256).default(16),
    /** A call that was told to stop has this long to do so before its instance is stopped. */
    cancelGraceMs: milliseconds(60_000).default(100),
    /** How long a new instance may take to load its function. */
    startTimeoutMs: milliseconds(600_000).min(1).default(30_000),
    /** How long `close` waits for the calls inside before it stops their instances. */
    drainTimeoutMs: milliseconds(DAY_MS).default(10_000),
    /**
     * Who has instances ready for the steps of workflows that are to come. `just-in-time`: when they are needed, as learned. The others are those of
     * Fission Workflows: `horizon` looks ahead at nothing, `prewarm-horizon` at the next steps, `prewarm-all` at all.
     */
    lookAhead: z.enum(['just-in-time', 'horizon', 'prewarm-horizon', 'prewarm-all']).default('just-in-time'),
    /** An execution that has ended keeps its history so long: a week, to find out on Monday what went wrong on Friday. */
    keepHistoryMs: milliseconds(3_650 * DAY_MS).default(7 * DAY_MS),
    /** And its result so long: a month. Then its id may be used again. */
    keepResultsMs: milliseconds(3_650 * DAY_MS).default(30 * DAY_MS),
    /** An event is kept so long, for those who look and so that a second one of its source and id is known: a day, as publishers retry. */
    keepEventsMs: milliseconds(365 * DAY_MS).default(DAY_MS),
    /** Events kept at most; the oldest go first, but for those that have not started all that they are to start. 100,000: some 50 MB of small ones. */
    keptEvents: z.number().int().min(1).max(100_000_000).default(100_000),
    /** Log lines kept for `logs`, over all functions. */
    keptLogLines: z.number().int().min(0).max(1_000_000).default(10_000),
    /** Invocations kept in the ledger. */
    keptInvocations: z.number().int().min(0).max(1_000_000).default(10_000),
  })
  .readonly();

export type HostOptions = z.input<typeof hostConfigSchema>;
export type HostConfig = z.output<typeof hostConfigSchema>;

/** The gateway listens here unless told otherwise. */
export const DEFAULT_PORT = 4460;
export const DEFAULT_HOST = '127.0.0.1';

/** CPU shares that one agent may promise: a share is one busy thread. */
export const CPU_SHARES = availableParallelism();

/** The environment variables that troupe reads, each with the option it stands for. */
export const ENVIRONMENT = {
  dataDir: 'TROUPE_DATA_DIR',
  host: 'TROUPE_HOST',
  port: 'TROUPE_PORT',
} as const;

export function readEnvironment(name: keyof typeof ENVIRONMENT): string | undefined {
  const value = process.env[ENVIRONMENT[name]];
  return value === '' ? undefined : value;
}

/** What executables need of the host to run at all. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/** The environment of the processes that troupe starts. Functions see only their own variables, never these. */
export function processEnvironment(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Fills in defaults; throws `INVALID_ARGUMENT` that names every wrong option, its value's fault and its place. */
export function resolveFunctionConfig(config: unknown): ResolvedFunctionConfig {
  const resolved = parseOptions(functionConfigSchema, config, 'INVALID_ARGUMENT', 'function option');
  if (resolved.minInstances > resolved.maxInstances) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `minInstances (${resolved.minInstances}) is over maxInstances (${resolved.maxInstances}).`,
    );
  }
  return resolved.runtime === 'exec' ? { ...resolved, isolation: 'process' } : resolved;
}

/** Of a function that says nothing: the defaults. */
export function resolveQueueConfig(config: QueueConfig | undefined): QueueConfig {
  return config ?? queueConfigSchema.parse({});
}

/** As above, for the options of the host: `CONFIG_INVALID`. */
export function resolveHostConfig(options: unknown): HostConfig {
  return parseOptions(hostConfigSchema, options, 'CONFIG_INVALID', 'option');
}

function parseOptions<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  errorCode: ErrorCode,
  what: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'value'}: ${message}`);
  throw new TroupeError(errorCode, `Wrong ${what}: ${faults.join('; ')}.`, { details: { faults } });
}

/** Throws `INVALID_NAME` unless the name may stand in a path, a URL and a metric label. */
export function checkFunctionName(name: unknown, what: 'function' | 'workflow' | 'trigger' = 'function'): string {
  if (typeof name === 'string' && FUNCTION_NAME_PATTERN.test(name)) return name;
  throw new TroupeError(
    'INVALID_NAME',
    `${JSON.stringify(name)} is not a ${what} name: use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends.`,
  );
}

/** As that of a function, and longer: one schedule for each of many things is named after them. A job is found by it, with a time behind. */
const SCHEDULE_NAME_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,158}[a-z0-9])?$/;

/** Throws `INVALID_NAME`. */
export function checkScheduleName(name: unknown): string {
  if (typeof name === 'string' && SCHEDULE_NAME_PATTERN.test(name)) return name;
  throw new TroupeError(
    'INVALID_NAME',
    `${JSON.stringify(name)} is not the name of a schedule: use 1 to 160 lower-case letters, digits and hyphens, with a letter or digit at both ends.`,
  );
}

/** Throws `INVALID_NAME`. An alias stands where a version number may stand, so it must not look like one. */
export function checkAliasName(alias: unknown): void {
  if (typeof alias === 'string' && FUNCTION_NAME_PATTERN.test(alias) && !/^\d+$/.test(alias)) return;
  throw new TroupeError(
    'INVALID_NAME',
    `${JSON.stringify(alias)} is not an alias: use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends, and not digits alone.`,
  );
}
