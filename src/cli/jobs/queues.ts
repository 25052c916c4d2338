/** What `troupe queue` does. */
import { JOB_STATUSES, type QueueView } from '../../ecosystem/event-management/protocol.ts';
import type { Call } from '../commands/noun.ts';
import type { HostFlags } from '../options.ts';
import { table, toJson } from '../terminal.ts';

export async function list({ client, flags, terminal }: Call<HostFlags>): Promise<void> {
  const queues = await client.json<QueueView[]>({ method: 'GET', path: '/queues' });
  if (flags.json) return terminal.out(toJson(queues));
  if (queues.length === 0) return terminal.note('No function has had a job. Enqueue one with "troupe job enqueue".');
  const rows = [...queues]
    .sort((one, other) => (one.function < other.function ? -1 : 1))
    .map(({ function: name, isPaused, counts }) => [
      name,
      ...JOB_STATUSES.map((status) => String(counts[status])),
      isPaused ? 'paused' : '',
    ]);
  const head = ['FUNCTION', ...JOB_STATUSES.map((status) => status.toUpperCase()), ''];
  for (const line of table(terminal.outColors, head, rows)) terminal.out(line);
}

export async function command(
  { client, args: [name = ''], flags, terminal }: Call<HostFlags>,
  what: 'pause' | 'resume',
): Promise<void> {
  const answer = await client.json({ method: 'POST', path: `${client.queuePath(name)}/${what}` });
  if (flags.json) return terminal.out(toJson(answer));
  terminal.out(what === 'pause' ? `no more jobs of ${name} begin` : `the jobs of ${name} begin again`);
}
