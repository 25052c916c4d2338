/** What `troupe job` does: list, look at, wait for, enqueue, and what may be done to one. */
import type { Enqueued, JobStatus, JobView } from '../../ecosystem/event-management/protocol.ts';
import { TroupeError } from '../../errors.ts';
import type { Call } from '../commands/noun.ts';
import { looksLikePath } from '../function-target.ts';
import { defined, type HostFlags } from '../options.ts';
import { toJson, toReadableJson } from '../terminal.ts';

export interface ListFlags extends HostFlags {
  readonly function?: string;
  readonly status?: JobStatus;
  readonly limit?: number;
  readonly watch?: boolean;
}

export async function list({ client, flags, terminal }: Call<ListFlags>): Promise<void> {
  const { function: name, status, limit, json } = flags;
  const at = name === undefined ? undefined : client.queuePath(name);
  const query = new URLSearchParams(defined({ function: name, status, limit: limit?.toString() }));
  const jobs = await client.json<JobView[]>({ method: 'GET', path: `/jobs?${query}` });
  // A name that was mistyped must not look like a function without jobs.
  if (jobs.length === 0 && at !== undefined) await client.json({ method: 'GET', path: at });
  if (json) return terminal.out(toJson(jobs));
  const which = `${status === undefined ? '' : ` that is ${status}`}${name === undefined ? '' : ` of ${name}`}`;
  if (jobs.length === 0) return terminal.note(`There is no job${which}.`);
  const { jobTable } = await import('../job-view/job-table.ts');
  for (const line of jobTable(jobs, { colors: terminal.outColors, nowMs: Date.now() })) terminal.out(line);
}

export async function show({ client, args: [id = ''], flags, terminal }: Call<HostFlags>): Promise<void> {
  const job = await client.json<JobView>({ method: 'GET', path: client.jobPath(id) });
  if (flags.json) return terminal.out(toJson(job));
  const { jobLines } = await import('../job-view/job-lines.ts');
  for (const line of jobLines(job, { colors: terminal.outColors, nowMs: Date.now() })) terminal.out(line);
}

/** Waits for it. Rejects with what the job has failed with. */
export async function showResult(
  { client, flags, terminal, signal }: Omit<Call<HostFlags>, 'args'>,
  id: string,
): Promise<void> {
  try {
    const path = `${client.jobPath(id)}/result?details=1`;
    const answer = await client.json<{ result: unknown }>({ method: 'GET', path });
    terminal.out(flags.json ? toJson(answer) : toReadableJson(answer.result, terminal));
  } finally {
    if (signal.aborted && !terminal.closed.aborted) terminal.note(`The job ${id} goes on.`);
  }
}

export interface EnqueueFlags extends HostFlags {
  readonly data?: string;
  readonly file?: string;
  readonly delay?: number;
  readonly priority?: string;
  readonly orderingKey?: string;
  readonly idempotencyKey?: string;
  readonly maxAttempts?: number;
  readonly timeout?: number;
  readonly wait?: boolean;
}

export async function enqueue(call: Call<EnqueueFlags>, payload: unknown): Promise<void> {
  const { client, flags, args, terminal } = call;
  const [name = ''] = args;
  if (looksLikePath(name)) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `${name} is a file, not the name of a function: deploy it with "troupe deploy" first.`,
    );
  }
  const { delay, priority, orderingKey, idempotencyKey, maxAttempts, timeout } = flags;
  const query = new URLSearchParams(
    defined({ delayMs: delay?.toString(), maxAttempts: maxAttempts?.toString(), priority, orderingKey }),
  );
  const enqueued = await client.json<Enqueued>({
    method: 'POST',
    path: `${client.functionPath(name)}/invocations?${query}`,
    headers: defined({
      prefer: 'respond-async',
      'idempotency-key': idempotencyKey,
      'x-troupe-timeout-ms': timeout?.toString(),
    }) as Record<string, string>,
    body: payload,
  });
  const { id, isNew } = enqueued;
  if (!flags.wait) terminal.out(flags.json ? toJson(enqueued) : id);
  terminal.note(isNew ? `${name} is called by the job ${id}` : `The job ${id} has that key already: nothing new is`);
  if (!flags.wait) return terminal.note(`  wait for it   troupe job result ${id}`);
  await showResult(call, id);
}

export async function command(
  { client, args: [id = ''], flags, terminal }: Call<HostFlags>,
  name: 'cancel' | 'retry',
): Promise<void> {
  const path = `${client.jobPath(id)}/${name}`;
  const answer = await client.json<{ id: string; status: JobStatus }>({ method: 'POST', path });
  terminal.out(flags.json ? toJson(answer) : `${id} is ${answer.status}`);
}
