/** Executions of workflows as resources: start, list, look at, wait for, and what may be done to one. */
import { TroupeError } from '../../errors.ts';
import { DURABILITIES } from '../../workflow-composition/events.ts';
import { EXECUTION_STATUSES, type ExecutionStatus } from '../../workflow-composition/execution-state.ts';
import type { ExecutionQuery } from '../../workflow-composition/execution-store/protocol.ts';
import type { Exchange } from './exchange.ts';
import { refuseOthers } from './function-routes.ts';
import { requestHeaders } from './http-headers.ts';
import { checkedId, isTrue, listLimit, oneOf, positiveNumber, wholeNumber } from './parameters.ts';
import { decodeBody } from './payload.ts';
import type { GatewayExecution, GatewayStartOptions, StartedGatewayExecution } from './protocol.ts';
import { preferredWaitMs, sendOutcome, waitForResult } from './result-route.ts';

/** Parameters of the start itself; all others are the workflow's. */
const OPTIONS = ['id', 'version', 'alias', 'durability', 'timeoutMs', 'details'];

/** 202 at once; with `Prefer: wait` the result, or 202 when that takes longer. */
export async function start(exchange: Exchange): Promise<void> {
  const name = exchange.workflowName;
  const options = startOptions(exchange);
  const waitMs = preferredWaitMs(exchange);
  const input = decodeBody(await exchange.body(), exchange.header('content-type'));
  const execution = await exchange.host.workflows.start(name, input, options);
  const started = startedOf(execution);
  // A failure has its place too.
  exchange.response.setHeader('Location', pathOf(execution.id));
  if (waitMs === undefined) return exchange.sendJson(202, started);
  const outcome = await waitForResult(exchange, execution, { waitMs, waits: exchange.services.results });
  if (outcome.kind === 'pending' || outcome.kind === 'closing') return exchange.sendJson(202, started);
  sendOutcome(exchange, outcome, isTrue(exchange.query.get('details')) ? { execution: started } : undefined);
}

function startedOf({ id, workflow, version, isNew }: StartedGatewayExecution) {
  return { id, workflow, version, isNew };
}

function pathOf(id: string): string {
  return `/executions/${encodeURIComponent(id)}`;
}

function startOptions(exchange: Exchange): GatewayStartOptions {
  const { query } = exchange;
  const id = idOf(query.get('id'), exchange.header('idempotency-key'));
  const version = query.get('version');
  const alias = query.get('alias');
  const durability = query.get('durability');
  const timeout = query.get('timeoutMs');
  const others = [...query].filter(([name]) => !OPTIONS.includes(name));
  return {
    headers: joined(requestHeaders(exchange.request.rawHeaders)),
    ...(others.length > 0 && { query: joined(others) }),
    ...(id !== undefined && { id }),
    ...(version !== null && { version: wholeNumber(version, 'version') }),
    ...(alias !== null && { alias }),
    ...(durability !== null && { durability: oneOf(durability, DURABILITIES, 'durability') }),
    ...(timeout !== null && { timeoutMs: positiveNumber(timeout, 'timeoutMs') }),
  };
}

function idOf(parameter: string | null, header: string | undefined): string | undefined {
  if (parameter !== null && header !== undefined && parameter !== header) {
    throw new TroupeError('INVALID_ARGUMENT', 'Idempotency-Key and ?id= name different executions: give one of them.');
  }
  const id = parameter ?? header;
  return id === undefined ? undefined : checkedId(id, 'The id of an execution');
}

/** What is repeated is one string, as HTTP joins headers. */
function joined(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(values);
}

export async function list(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.workflows.executions(executionQuery(exchange.query)));
}

function executionQuery(query: URLSearchParams): ExecutionQuery {
  const { workflow, status, fromMs, untilMs, limit, ...others } = Object.fromEntries(query);
  refuseOthers(others, 'workflow, status, fromMs, untilMs and limit');
  return {
    ...(workflow !== undefined && { workflow }),
    ...(status !== undefined && { status: oneOf(status, EXECUTION_STATUSES, 'status') }),
    ...(fromMs !== undefined && { fromMs: wholeNumber(fromMs, 'fromMs') }),
    ...(untilMs !== undefined && { untilMs: wholeNumber(untilMs, 'untilMs') }),
    ...(limit !== undefined && { limit: listLimit(limit) }),
  };
}

export async function show(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await executionOf(exchange).status());
}

export async function history(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await executionOf(exchange).history());
}

/** Waits for as long as it takes, or as `Prefer: wait=` says. */
export async function result(exchange: Exchange): Promise<void> {
  const execution = executionOf(exchange);
  const waitMs = preferredWaitMs(exchange) ?? Number.POSITIVE_INFINITY;
  const outcome = await waitForResult(exchange, execution, { waitMs, waits: exchange.services.results });
  if (outcome.kind === 'closing') throw new TroupeError('SHUTTING_DOWN', 'The host closes: ask again when it is back.');
  const { id } = execution;
  if (outcome.kind !== 'pending') {
    return sendOutcome(exchange, outcome, isTrue(exchange.query.get('details')) ? { execution: { id } } : undefined);
  }
  const { status } = await execution.status();
  exchange.sendJson(202, { id, status }, ['Location', pathOf(id)]);
}

/** 202: taken, and kept until a step wants it. */
export async function signal(exchange: Exchange): Promise<void> {
  const execution = executionOf(exchange);
  const name = checkedId(exchange.parameter(1), 'The name of a signal');
  const payload = decodeBody(await exchange.body(), exchange.header('content-type'));
  await execution.signal(name, payload);
  exchange.sendJson(202, { id: execution.id, signal: name });
}

export async function cancel(exchange: Exchange): Promise<void> {
  const execution = executionOf(exchange);
  const status = await execution.cancel(await reasonOf(exchange));
  exchange.sendJson(200, { id: execution.id, status });
}

/** `?reason=`, or a body `{ reason }`. */
async function reasonOf(exchange: Exchange): Promise<string | undefined> {
  const body = decodeBody(await exchange.body(), exchange.header('content-type'));
  const parameter = exchange.query.get('reason') ?? undefined;
  if (body === undefined) return parameter;
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    const { reason = parameter, ...others } = body as { reason?: unknown };
    refuseOthers(others, 'reason only');
    if (reason === undefined || typeof reason === 'string') return reason;
  }
  throw new TroupeError('INVALID_ARGUMENT', 'The body must be { reason } with a string, or empty.');
}

type Command = (execution: GatewayExecution) => Promise<ExecutionStatus>;

const commanding = (command: Command) => async (exchange: Exchange) => {
  const execution = executionOf(exchange);
  exchange.sendJson(200, { id: execution.id, status: await command(execution) });
};

export const pause = commanding((execution) => execution.pause());
export const resume = commanding((execution) => execution.resume());
export const redrive = commanding((execution) => execution.redrive());

/** Throws `INVALID_ARGUMENT` where the path cannot name one. */
export function executionOf(exchange: Exchange): GatewayExecution {
  return exchange.host.workflows.execution(checkedId(exchange.parameter(0), 'The id of an execution'));
}
