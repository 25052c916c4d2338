/** Durable jobs, their queues and dead letters as resources: list, look at, wait for, and what may be done to them. */
import { TroupeError } from '../../errors.ts';
import { JOB_STATUSES, type JobQuery } from '../event-management/protocol.ts';
import type { Exchange } from './exchange.ts';
import { refuseOthers } from './function-routes.ts';
import { checkedId, isTrue, listLimit, oneOf } from './parameters.ts';
import { preferredWaitMs, sendOutcome, waitForResult } from './result-route.ts';

/** Without payloads and results: a thousand of them may be large. */
export async function list(exchange: Exchange): Promise<void> {
  const { status, ...others } = Object.fromEntries(exchange.query);
  const query = {
    ...listQuery(others, 'function, status, limit and before'),
    ...(status !== undefined && statusOf(status)),
  };
  await sendList(exchange, query);
}

export async function listDead(exchange: Exchange): Promise<void> {
  const query = listQuery(Object.fromEntries(exchange.query), 'function, limit and before');
  await sendList(exchange, { ...query, status: 'failed' });
}

function statusOf(status: string): Pick<JobQuery, 'status'> {
  return { status: oneOf(status, JOB_STATUSES, 'status') };
}

async function sendList(exchange: Exchange, query: JobQuery): Promise<void> {
  const jobs = await exchange.host.jobs.list({ ...query, isBrief: true });
  exchange.sendJson(
    200,
    jobs.map(({ payload: _payload, result: _result, ...job }) => job),
  );
}

function listQuery(given: Readonly<Record<string, string>>, known: string): JobQuery {
  const { function: name, limit, before, ...others } = given;
  refuseOthers(others, known);
  return {
    ...(name !== undefined && { function: name }),
    ...(limit !== undefined && { limit: listLimit(limit) }),
    ...(before !== undefined && { before: checkedId(before, 'before') }),
  };
}

export async function show(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.jobs.get(jobId(exchange)));
}

/** Waits for as long as it takes, or as `Prefer: wait=` says. */
export async function result(exchange: Exchange): Promise<void> {
  const { host, services } = exchange;
  const id = jobId(exchange);
  const waitMs = preferredWaitMs(exchange) ?? Number.POSITIVE_INFINITY;
  const awaited = { id, result: () => host.jobs.result(id) };
  const outcome = await waitForResult(exchange, awaited, { waitMs, waits: services.jobResults });
  if (outcome.kind === 'closing') throw new TroupeError('SHUTTING_DOWN', 'The host closes: ask again when it is back.');
  if (outcome.kind !== 'pending') {
    return sendOutcome(exchange, outcome, isTrue(exchange.query.get('details')) ? { job: { id } } : undefined);
  }
  const { status } = await host.jobs.get(id);
  exchange.sendJson(202, { id, status }, ['Location', `/jobs/${encodeURIComponent(id)}`]);
}

export async function cancel(exchange: Exchange): Promise<void> {
  const id = jobId(exchange);
  exchange.sendJson(200, { id, status: await exchange.host.jobs.cancel(id) });
}

export async function retry(exchange: Exchange): Promise<void> {
  const id = jobId(exchange);
  exchange.sendJson(200, { id, status: await exchange.host.jobs.retry(id) });
}

export async function queues(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.jobs.queues());
}

export async function queue(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.jobs.queue(exchange.functionName));
}

export async function pause(exchange: Exchange): Promise<void> {
  const name = exchange.functionName;
  await exchange.host.jobs.pause(name);
  exchange.sendJson(200, { function: name, isPaused: true });
}

export async function resume(exchange: Exchange): Promise<void> {
  const name = exchange.functionName;
  await exchange.host.jobs.resume(name);
  exchange.sendJson(200, { function: name, isPaused: false });
}

export async function retryDead(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, { retried: await exchange.host.jobs.retryDead(deadOf(exchange)) });
}

export async function purgeDead(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, { purged: await exchange.host.jobs.purgeDead(deadOf(exchange)) });
}

/** A parameter that is mistyped must not lead to all of them. */
function deadOf({ query }: Exchange): { readonly function?: string } {
  const { function: name, ...others } = Object.fromEntries(query);
  refuseOthers(others, 'function only');
  return name === undefined ? {} : { function: name };
}

export function jobId(exchange: Exchange): string {
  return checkedId(exchange.parameter(0), 'The id of a job');
}
