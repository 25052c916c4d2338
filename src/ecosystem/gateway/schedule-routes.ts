/** Schedules as resources: set, list, look at, pause, resume, backfill, remove. What they may say is checked by the host. */
import { TroupeError } from '../../errors.ts';
import type { ScheduleOptions } from '../event-management/protocol.ts';
import type { Exchange } from './exchange.ts';
import { wholeNumber } from './parameters.ts';

export async function list(exchange: Exchange): Promise<void> {
  const { query, host } = exchange;
  const target = query.get('function');
  const after = query.get('after');
  const limit = query.get('limit');
  const schedules = await host.schedules.list({
    ...(target !== null && { function: target }),
    ...(after !== null && { after }),
    ...(limit !== null && { limit: wholeNumber(limit, 'limit') }),
  });
  exchange.sendJson(200, schedules);
}

export async function show(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.schedules.get(exchange.parameter(0)));
}

/** 201 for a new one, 200 for one that was there. */
export async function set(exchange: Exchange): Promise<void> {
  const options = withTimes(await exchange.jsonObject(), ['at', 'startAt', 'endAt']);
  const { job } = options;
  const isObject = typeof job === 'object' && job !== null && !Array.isArray(job);
  const checked = isObject ? { ...options, job: withTimes(job as Record<string, unknown>, ['deadline']) } : options;
  const answer = await exchange.host.schedules.set(exchange.parameter(0), checked as unknown as ScheduleOptions);
  exchange.sendJson(answer.isNew ? 201 : 200, answer);
}

export async function remove(exchange: Exchange): Promise<void> {
  const name = exchange.parameter(0);
  await exchange.host.schedules.remove(name);
  exchange.sendJson(200, { name });
}

export async function pause(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.schedules.pause(exchange.parameter(0)));
}

export async function resume(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.schedules.resume(exchange.parameter(0)));
}

export async function backfill(exchange: Exchange): Promise<void> {
  const range = withTimes(await exchange.jsonObject(), ['from', 'to']);
  exchange.sendJson(200, await exchange.host.schedules.backfill(exchange.parameter(0), range as never));
}

/** JSON has no dates: a time is a number of ms, or text as ISO 8601 writes it. */
function withTimes(
  body: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const times = names.flatMap((name) => {
    const value = body[name];
    return typeof value === 'string' ? [[name, timeOf(value, name)] as const] : [];
  });
  return times.length === 0 ? body : { ...body, ...Object.fromEntries(times) };
}

function timeOf(text: string, what: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw new TroupeError(
    'INVALID_ARGUMENT',
    `${what} must be a time, as "2030-01-31T18:00:00Z" or milliseconds since the Unix epoch, not ${JSON.stringify(text)}.`,
  );
}
