/** What `troupe schedule` does. */
import type {
  Backfilled,
  MissedPolicy,
  OverlapPolicy,
  ScheduleDetails,
  ScheduleSet,
  ScheduleView,
} from '../../ecosystem/event-management/protocol.ts';
import { TroupeError } from '../../errors.ts';
import type { HostClient } from '../host-client.ts';
import { defined, type HostFlags } from '../options.ts';
import { type Terminal, table, toJson } from '../terminal.ts';
import { detailLines, lastOf, nextOf, runLine, whenOf } from './words.ts';

export interface ListFlags extends HostFlags {
  readonly function?: string;
  readonly after?: string;
  readonly limit?: number;
}

export async function list(
  client: HostClient,
  { json, limit, ...flags }: ListFlags,
  terminal: Terminal,
): Promise<void> {
  const query = new URLSearchParams(
    defined({ function: flags.function, after: flags.after, limit: limit?.toString() }),
  );
  const schedules = await client.json<ScheduleView[]>({ method: 'GET', path: `/schedules?${query}` });
  if (json) return terminal.out(toJson(schedules));
  if (schedules.length === 0) return terminal.note('There is no schedule. Add one with "troupe schedule add".');
  const nowMs = Date.now();
  const rows = schedules.map((each) => [
    each.name,
    each.function,
    whenOf(each),
    nextOf(each, nowMs),
    lastOf(each, nowMs),
    String(each.counts.fired),
  ]);
  for (const line of table(terminal.outColors, ['NAME', 'FUNCTION', 'WHEN', 'NEXT', 'LAST', 'FIRED'], rows))
    terminal.out(line);
}

export async function show(client: HostClient, name: string, { json }: HostFlags, terminal: Terminal): Promise<void> {
  const details = await client.json<ScheduleDetails>({ method: 'GET', path: client.schedulePath(name) });
  if (json) return terminal.out(toJson(details));
  for (const line of detailLines(details, Date.now())) terminal.out(line);
  if (details.payload !== undefined) terminal.out(`  payload  ${toJson(details.payload)}`);
}

export interface AddFlags extends HostFlags {
  readonly cron?: string;
  readonly timeZone?: string;
  readonly every?: number;
  readonly at?: number;
  readonly missed?: MissedPolicy;
  readonly overlap?: OverlapPolicy;
  readonly startAt?: number;
  readonly endAt?: number;
  readonly job?: string;
}

export async function add(
  client: HostClient,
  { name, target, payload }: { readonly name: string; readonly target: string; readonly payload: unknown },
  flags: AddFlags,
  terminal: Terminal,
): Promise<void> {
  const path = client.schedulePath(name);
  const { cron, timeZone, every: everyMs, at, missed, overlap, startAt, endAt } = flags;
  const options = defined({
    cron,
    timeZone,
    everyMs,
    at,
    missed,
    overlap,
    startAt,
    endAt,
    job: jobOf(flags.job),
    payload,
  });
  const answer = await client.json<ScheduleSet>({ method: 'PUT', path, body: { function: target, ...options } });
  if (flags.json) return terminal.out(toJson(answer));
  terminal.out(`${name} is ${answer.isNew ? 'added' : answer.isChanged ? 'changed' : 'as it was: nothing changed'}`);
  const { nextTimesMs, isPaused } = await client.json<ScheduleDetails>({ method: 'GET', path });
  const nowMs = Date.now();
  for (const each of nextTimesMs) terminal.out(`  ${runLine(each, nowMs)}`);
  if (isPaused) terminal.note(`It is paused, and stays so: go on with "troupe schedule resume ${name}".`);
}

function jobOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new TroupeError(
      'INVALID_JSON',
      `--job is not JSON. Quote it for the shell, as in --job '{"maxAttempts":5}'.`,
    );
  }
}

export async function remove(client: HostClient, name: string, { json }: HostFlags, terminal: Terminal): Promise<void> {
  await client.json({ method: 'DELETE', path: client.schedulePath(name) });
  terminal.out(json ? toJson({ removed: name }) : `${name} is removed; jobs that it has enqueued go on`);
}

export async function setPaused(
  client: HostClient,
  { name, command }: { readonly name: string; readonly command: 'pause' | 'resume' },
  { json }: HostFlags,
  terminal: Terminal,
): Promise<void> {
  const path = `${client.schedulePath(name)}/${command}`;
  const view = await client.json<ScheduleView>({ method: 'POST', path });
  if (json) return terminal.out(toJson(view));
  terminal.out(view.isPaused ? `${name} is paused` : `${name} goes on; next: ${nextOf(view, Date.now())}`);
}

export async function backfill(
  client: HostClient,
  name: string,
  { json, ...range }: HostFlags & { readonly from: number; readonly to?: number },
  terminal: Terminal,
): Promise<void> {
  const path = `${client.schedulePath(name)}/backfill`;
  const body = defined({ from: range.from, to: range.to });
  const answer = await client.json<Backfilled>({ method: 'POST', path, body });
  if (json) return terminal.out(toJson(answer));
  const { times, enqueued, existing } = answer;
  const known = existing === 0 ? '' : `; ${existing} of its ${times} times had one already`;
  terminal.out(`${enqueued} ${enqueued === 1 ? 'job is' : 'jobs are'} enqueued${known}`);
}
