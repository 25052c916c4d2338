/** What `troupe wf` does with executions: start, list, look at, and what may be done to one. */
import { TroupeError } from '../../errors.ts';
import type { Durability } from '../../workflow-composition/events.ts';
import type { ExecutionStatus } from '../../workflow-composition/execution-state.ts';
import type { ExecutionSummary } from '../../workflow-composition/execution-store/protocol.ts';
import type { ExecutionDetails, HistoryEvent } from '../../workflows.ts';
import { looksLikePath } from '../function-target.ts';
import type { HostClient } from '../host-client.ts';
import { defined, type HostFlags } from '../options.ts';
import { type Terminal, table, toJson, toReadableJson } from '../terminal.ts';

export interface StartFlags extends HostFlags {
  readonly id?: string;
  readonly version?: number;
  readonly alias?: string;
  readonly durability?: Durability;
  readonly timeout?: number;
  readonly wait?: boolean;
}

interface Started {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly isNew: boolean;
}

export async function start(
  client: HostClient,
  { name, input }: { readonly name: string; readonly input: unknown },
  flags: StartFlags,
  { terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<void> {
  const started = await client.json<Started>({
    method: 'POST',
    path: `${client.workflowPath(name)}/executions?${startQuery(flags)}`,
    body: input,
  });
  const { id, workflow, version, isNew } = started;
  if (!flags.wait) terminal.out(flags.json ? toJson(started) : id);
  const what = `${workflow}@${version}`;
  terminal.note(isNew ? `${what} runs as ${id}` : `${what} was started as ${id} before: nothing new is`);
  if (!flags.wait) return terminal.note(`  watch it   troupe wf watch ${shellWord(id)}`);
  await leavingAlone(id, { terminal, signal }, () => showResult(client, started, flags, terminal));
}

/** Throws `INVALID_ARGUMENT`, with what to do instead. */
export function checkWorkflowArgument(name: string): void {
  if (!looksLikePath(name)) return;
  throw new TroupeError(
    'INVALID_ARGUMENT',
    `${name} is a file, not the name of a workflow: deploy it with "troupe wf deploy", or run it without a host with "troupe invoke ${name}".`,
  );
}

function startQuery({ id, version, alias, durability, timeout }: StartFlags): URLSearchParams {
  return new URLSearchParams(
    defined({ id, version: version?.toString(), alias, durability, timeoutMs: timeout?.toString() }),
  );
}

/** Waits for it. Rejects with what the execution has failed with. */
export async function showResult(
  client: HostClient,
  execution: { readonly id: string },
  { json }: HostFlags,
  terminal: Terminal,
): Promise<void> {
  const path = `${client.executionPath(execution.id)}/result?details=1`;
  const { result } = await client.json<{ result: unknown }>({ method: 'GET', path });
  terminal.out(json ? toJson({ result, execution }) : toReadableJson(result, terminal));
}

export interface ListFlags extends HostFlags {
  readonly executions?: boolean;
  readonly status?: ExecutionStatus;
  readonly limit?: number;
}

export async function list(
  client: HostClient,
  name: string | undefined,
  { json, status, limit }: ListFlags,
  terminal: Terminal,
): Promise<void> {
  const at = name === undefined ? undefined : client.workflowPath(name);
  const query = new URLSearchParams(defined({ workflow: name, status, limit: limit?.toString() }));
  const executions = await client.json<ExecutionSummary[]>({ method: 'GET', path: `/executions?${query}` });
  // A name that was mistyped must not look like a workflow that never ran.
  if (executions.length === 0 && at !== undefined) await client.json({ method: 'GET', path: at });
  if (json) return terminal.out(toJson(executions));
  const which = `${status === undefined ? '' : ` that is ${status}`}${name === undefined ? '' : ` of ${name}`}`;
  if (executions.length === 0) return terminal.note(`There is no execution${which}.`);
  const { oneLine, timeSpan } = await import('../workflow-view/words.ts');
  const rows = executions.map((each) => [
    oneLine(each.id),
    `${each.workflow}@${each.version}`,
    each.status,
    new Date(each.startedAtMs).toISOString(),
    each.endedAtMs === undefined ? '-' : timeSpan(each.endedAtMs - each.startedAtMs),
    String(each.steps),
    each.error
      ? `${each.error.code ?? each.error.name}${each.failedStep ? ` in ${oneLine(each.failedStep)}` : ''}`
      : '',
  ]);
  const head = ['EXECUTION', 'WORKFLOW', 'STATUS', 'STARTED', 'TOOK', 'STEPS', 'ERROR'];
  for (const line of table(terminal.outColors, head, rows)) terminal.out(line);
}

export async function show(client: HostClient, id: string, { json }: HostFlags, terminal: Terminal): Promise<void> {
  const path = client.executionPath(id);
  const details = await client.json<ExecutionDetails>({ method: 'GET', path });
  if (json) return terminal.out(toJson(details));
  const { executionLines, isHistoryNeeded } = await import('../workflow-view/execution-view.ts');
  const history = isHistoryNeeded(details)
    ? await client.json<HistoryEvent[]>({ method: 'GET', path: `${path}/history` })
    : [];
  const view = { columns: terminal.columns, colors: terminal.outColors, nowMs: Date.now() };
  for (const line of executionLines(details, view, history)) terminal.out(line);
}

export async function history(client: HostClient, id: string, { json }: HostFlags, terminal: Terminal): Promise<void> {
  const events = await client.json<HistoryEvent[]>({ method: 'GET', path: `${client.executionPath(id)}/history` });
  if (json) return terminal.out(toJson(events));
  const { historyLines } = await import('../workflow-view/event-words.ts');
  // What goes into a file or another program is told in full.
  const columns = terminal.isInteractive ? terminal.columns : Number.POSITIVE_INFINITY;
  for (const line of historyLines(events, { columns, colors: terminal.outColors })) {
    terminal.out(line);
    await terminal.drained();
  }
}

export async function signal(
  client: HostClient,
  { id, name, payload }: { readonly id: string; readonly name: string; readonly payload: unknown },
  { json }: HostFlags,
  terminal: Terminal,
): Promise<void> {
  const sent = await client.json({ method: 'POST', path: client.signalPath(id, name), body: payload });
  terminal.out(json ? toJson(sent) : `signal ${name} is with ${id}`);
}

/** `body` is sent along. */
export async function command(
  client: HostClient,
  { id, name, body }: { readonly id: string; readonly name: string; readonly body?: object },
  { json }: HostFlags,
  terminal: Terminal,
): Promise<void> {
  const path = `${client.executionPath(id)}/${name}`;
  const answer = await client.json<{ id: string; status: ExecutionStatus }>({ method: 'POST', path, body });
  terminal.out(json ? toJson(answer) : `${id} is ${answer.status}`);
}

/** Says at an interrupt what it did not interrupt. */
export async function leavingAlone(
  id: string,
  { terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal },
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } finally {
    if (signal.aborted && !terminal.closed.aborted) terminal.note(`The execution ${id} goes on.`);
  }
}

/** As one writes it in a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
