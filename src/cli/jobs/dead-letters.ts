/** What `troupe dlq` does. */
import type { JobStatus, JobView, QueueView } from '../../ecosystem/event-management/protocol.ts';
import { TroupeError } from '../../errors.ts';
import type { Call } from '../commands/noun.ts';
import { isConfirmed } from '../confirmation.ts';
import { defined, type HostFlags } from '../options.ts';
import { toJson } from '../terminal.ts';
import * as jobs from './jobs.ts';

export interface DeadFlags extends HostFlags {
  readonly function?: string;
  readonly limit?: number;
  readonly all?: boolean;
  readonly yes?: boolean;
}

export async function list({ client, flags, terminal }: Call<DeadFlags>): Promise<void> {
  const { function: name, limit, json } = flags;
  const at = name === undefined ? undefined : client.queuePath(name);
  const query = new URLSearchParams(defined({ function: name, limit: limit?.toString() }));
  const dead = await client.json<JobView[]>({ method: 'GET', path: `/dead-letters?${query}` });
  // A name that was mistyped must not look like a function without any.
  if (dead.length === 0 && at !== undefined) await client.json({ method: 'GET', path: at });
  if (json) return terminal.out(toJson(dead));
  if (dead.length === 0) return terminal.note(`There is no dead letter${name === undefined ? '' : ` of ${name}`}.`);
  const { jobTable } = await import('../job-view/job-table.ts');
  for (const line of jobTable(dead, { colors: terminal.outColors, nowMs: Date.now() })) terminal.out(line);
}

export async function show(call: Call<HostFlags>): Promise<void> {
  const { client, args, terminal } = call;
  const [id = ''] = args;
  const { status } = await client.json<JobView>({ method: 'GET', path: client.jobPath(id) });
  await jobs.show(call);
  if (status !== 'failed') terminal.note(`It is ${status}, and no dead letter.`);
}

export async function retry({ client, args: ids, flags, terminal }: Call<DeadFlags>): Promise<void> {
  const { all, function: name, json } = flags;
  if (all ? ids.length > 0 : ids.length === 0) {
    throw new TroupeError('INVALID_ARGUMENT', 'Give the ids of dead letters, or --all; not both.');
  }
  if (all) {
    const path = `/dead-letters/retry?${functionQuery(name)}`;
    const answer = await client.json<{ retried: number }>({ method: 'POST', path });
    return terminal.out(
      json ? toJson(answer) : `${counted(answer.retried)} ${answer.retried === 1 ? 'begins' : 'begin'} anew`,
    );
  }
  if (name !== undefined) {
    throw new TroupeError('INVALID_ARGUMENT', '--function goes with --all: an id says which job it is.');
  }
  const paths = ids.map((id) => `${client.jobPath(id)}/retry`);
  const answers: object[] = [];
  for (const path of paths) {
    const answer = await client.json<{ id: string; status: JobStatus }>({ method: 'POST', path });
    answers.push(answer);
    if (!json) terminal.out(`${answer.id} is ${answer.status}`);
  }
  if (json) terminal.out(toJson(answers));
}

export async function purge({ client, flags, terminal, signal }: Call<DeadFlags>): Promise<void> {
  const { function: name, yes, json } = flags;
  const at = name === undefined ? undefined : client.queuePath(name);
  if (!yes && !json) {
    const queues = at
      ? [await client.json<QueueView>({ method: 'GET', path: at })]
      : await client.json<QueueView[]>({ method: 'GET', path: '/queues' });
    const count = queues.reduce((sum, { counts }) => sum + counts.failed, 0);
    const whose = name === undefined ? '' : ` of ${name}`;
    const question = `Forget ${counted(count)}${whose}? They cannot be brought back.`;
    if (!(await isConfirmed(question, terminal, signal))) return terminal.note('Nothing was forgotten.');
  }
  const answer = await client.json<{ purged: number }>({
    method: 'DELETE',
    path: `/dead-letters?${functionQuery(name)}`,
  });
  terminal.out(json ? toJson(answer) : `${counted(answer.purged)} ${answer.purged === 1 ? 'is' : 'are'} forgotten`);
}

function functionQuery(name: string | undefined): URLSearchParams {
  return new URLSearchParams(defined({ function: name }));
}

function counted(count: number): string {
  return count === 1 ? '1 dead letter' : `${count} dead letters`;
}
