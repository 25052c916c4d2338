/** What `troupe trigger` does. */
import { InvalidArgumentError } from 'commander';
import type { Filter, Trigger, TriggerDelivery, TriggerView } from '../../ecosystem/event-management/protocol.ts';
import { TroupeError } from '../../errors.ts';
import type { HostClient } from '../host-client.ts';
import type { HostFlags } from '../options.ts';
import { type Terminal, table, toJson } from '../terminal.ts';

export interface AddFlags extends HostFlags {
  readonly type?: readonly string[];
  readonly typePrefix?: readonly string[];
  readonly source?: readonly string[];
  readonly sourcePrefix?: readonly string[];
  readonly subject?: readonly string[];
  readonly subjectPrefix?: readonly string[];
  readonly filter?: readonly unknown[];
  readonly job?: readonly unknown[];
}

export function several(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text];
}

export function json(text: string, earlier: readonly unknown[] = []): unknown[] {
  try {
    return [...earlier, JSON.parse(text)];
  } catch (thrown) {
    throw new InvalidArgumentError(`It is not JSON: ${thrown instanceof Error ? thrown.message : thrown}.`);
  }
}

export async function add(
  client: HostClient,
  { name, functionName }: { readonly name: string; readonly functionName: string },
  flags: AddFlags,
  terminal: Terminal,
): Promise<void> {
  const path = client.triggerPath(name);
  const { job = [] } = flags;
  if (job.length > 1) throw new TroupeError('INVALID_ARGUMENT', 'Give --job once: it has all the options.');
  const body = { function: functionName, filters: filtersOf(flags), ...(job.length > 0 && { job: job[0] }) };
  const trigger = await client.json<Trigger & { isNew: boolean }>({ method: 'PUT', path, body });
  if (flags.json) return terminal.out(toJson(trigger));
  terminal.out(
    trigger.isNew
      ? `${name} starts ${trigger.function} from now on`
      : `${name} starts ${trigger.function} already: nothing changed`,
  );
}

/** What is repeated is one of several; all else must match. */
function filtersOf(flags: AddFlags): unknown[] {
  const { type, typePrefix, source, sourcePrefix, subject, subjectPrefix, filter = [] } = flags;
  return [
    ...oneOf('exact', 'type', type),
    ...oneOf('prefix', 'type', typePrefix),
    ...oneOf('exact', 'source', source),
    ...oneOf('prefix', 'source', sourcePrefix),
    ...oneOf('exact', 'subject', subject),
    ...oneOf('prefix', 'subject', subjectPrefix),
    ...filter,
  ];
}

function oneOf(dialect: 'exact' | 'prefix', name: string, values: readonly string[] = []): Filter[] {
  const filters = values.map((value) => ({ [dialect]: { [name]: value } }) as unknown as Filter);
  return filters.length > 1 ? [{ any: filters }] : filters;
}

export async function list(client: HostClient, flags: HostFlags, terminal: Terminal): Promise<void> {
  const triggers = await client.json<TriggerView[]>({ method: 'GET', path: '/triggers' });
  if (flags.json) return terminal.out(toJson(triggers));
  if (triggers.length === 0) return terminal.note('There is no trigger. Add one with "troupe trigger add".');
  const rows = triggers.map(({ name, function: functionName, matched, started, failed, pending, filters }) => [
    name,
    functionName,
    ...[matched, started, pending, failed].map(String),
    filters.length === 0 ? 'every event' : filters.map((filter) => JSON.stringify(filter)).join(' '),
  ]);
  const head = ['TRIGGER', 'STARTS', 'MATCHED', 'STARTED', 'PENDING', 'FAILED', 'FILTERS'];
  for (const line of table(terminal.outColors, head, rows)) terminal.out(line);
}

export async function show(client: HostClient, name: string, flags: HostFlags, terminal: Terminal): Promise<void> {
  const view = await client.json<TriggerView>({ method: 'GET', path: client.triggerPath(name) });
  if (flags.json) return terminal.out(toJson(view));
  const { filters, job, matched, started, pending, failed, deliveries, failures } = view;
  terminal.out(`${view.name} starts ${view.function}, since ${new Date(view.createdAtMs).toISOString()}`);
  for (const filter of filters) terminal.out(`  where    ${JSON.stringify(filter)}`);
  if (job) terminal.out(`  job      ${JSON.stringify(job)}`);
  terminal.out(`  events   ${matched} matched, ${started} started, ${pending} pending, ${failed} failed`);
  const older = failures.filter(({ atMs, id }) => !deliveries.some((each) => each.atMs === atMs && each.id === id));
  const rows = [...deliveries, ...older].map(rowOf);
  if (rows.length === 0) return;
  terminal.out('');
  for (const line of table(terminal.outColors, ['AT', 'TYPE', 'SOURCE', 'ID', 'STATUS', 'JOB'], rows))
    terminal.out(line);
}

function rowOf({ atMs, type, source, id, status, jobId, error = '' }: TriggerDelivery): string[] {
  return [new Date(atMs).toISOString(), type, source, id, status, jobId ?? error].map((text) =>
    text.replaceAll(/\p{Cc}+/gu, ' '),
  );
}

export async function remove(client: HostClient, name: string, flags: HostFlags, terminal: Terminal): Promise<void> {
  await client.json({ method: 'DELETE', path: client.triggerPath(name) });
  terminal.out(flags.json ? toJson({ removed: name }) : `${name} is removed`);
}
