/**
 * `troupe job ls --watch`: jobs as they go on. For people the host is asked a few times per second how things stand, which costs it the same however
 * many jobs end meanwhile; everybody else gets a line per change.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { QueueView } from '../../ecosystem/event-management/protocol.ts';
import { TroupeError } from '../../errors.ts';
import type { Call } from '../commands/noun.ts';
import type { ListedJob } from '../job-view/job-table.ts';
import { defined } from '../options.ts';
import { Painter } from '../workflow-view/painter.ts';
import type { ListFlags } from './jobs.ts';

const PAUSE_MS = 250;
const RUNNING_SHOWN = 10;
const FAILED_SHOWN = 5;

export async function watch(call: Call<ListFlags>): Promise<void> {
  const { client, flags, terminal } = call;
  for (const flag of ['status', 'limit'] as const) {
    if (flags[flag] === undefined) continue;
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `--${flag} is for a list, and --watch shows what goes on: leave one out.`,
    );
  }
  // Throws where the name cannot be one.
  if (flags.function !== undefined) client.queuePath(flags.function);
  return !flags.json && terminal.isInteractive ? draw(call) : follow(call);
}

async function follow({ client, flags, terminal }: Call<ListFlags>): Promise<void> {
  const { changeLine } = await import('../job-view/change-line.ts');
  const path = `/jobs/events?${new URLSearchParams(defined({ function: flags.function }))}`;
  await client.lines({ method: 'GET', path }, async (text) => {
    terminal.out(flags.json ? text : changeLine(JSON.parse(text), Date.now(), terminal.outColors));
    await terminal.drained();
  });
}

async function draw({ client, flags, terminal, signal }: Call<ListFlags>): Promise<void> {
  const [{ boardLines, legend }, { RateMeter }] = await Promise.all([
    import('../job-view/board.ts'),
    import('../job-view/rates.ts'),
  ]);
  const { function: name } = flags;
  const query = (fields: Readonly<Record<string, string>>) =>
    new URLSearchParams({ ...fields, ...defined({ function: name }) });
  const get = <Body>(path: string) => client.json<Body>({ method: 'GET', path });
  const painter = new Painter(terminal);
  const rates = new RateMeter();
  for (;;) {
    const [queues, running, failed] = await Promise.all([
      name === undefined
        ? get<QueueView[]>('/queues')
        : get<QueueView>(client.queuePath(name)).then((queue) => [queue]),
      get<ListedJob[]>(`/jobs?${query({ status: 'running', limit: String(RUNNING_SHOWN) })}`),
      get<ListedJob[]>(`/dead-letters?${query({ limit: String(FAILED_SHOWN) })}`),
    ]);
    const nowMs = Date.now();
    rates.look(queues, nowMs);
    const { columns, outColors: colors } = terminal;
    const board = { queues, running, failed, ratesOf: (of: string) => rates.of(of) };
    painter.paint(
      [...boardLines(board, { columns, colors, nowMs }), '', colors.dim(legend().slice(0, columns))],
      false,
    );
    await pause(PAUSE_MS, undefined, { signal });
  }
}
