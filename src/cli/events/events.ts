/** What `troupe events` does. */
import { InvalidArgumentError } from 'commander';
import type { CloudEvent, EventView, Published } from '../../ecosystem/event-management/protocol.ts';
import { TroupeError } from '../../errors.ts';
import type { HostClient } from '../host-client.ts';
import { defined, type HostFlags } from '../options.ts';
import { readPayload } from '../payload.ts';
import { type Terminal, table, toJson } from '../terminal.ts';

export interface PublishFlags extends HostFlags {
  readonly type?: string;
  readonly source?: string;
  readonly id?: string;
  readonly subject?: string;
  readonly time?: string;
  readonly attribute?: Readonly<Record<string, string>>;
  readonly data?: string;
  readonly file?: string;
}

/** Reads `name=value`, several times. */
export function attribute(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([a-z0-9]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('It must look like name=value, with a name of lower-case letters and digits.');
  return { ...earlier, [name]: value };
}

/** What is in them is the host's to check. Throws `INVALID_ARGUMENT`. */
export async function eventsFrom(
  { type, source, id, subject, time, attribute: others, data, file }: PublishFlags,
  signal: AbortSignal,
): Promise<unknown> {
  const attributes = { ...others, ...defined({ type, source, id, subject, time }) };
  if (file !== undefined) {
    if (data === undefined && Object.keys(attributes).length === 0)
      return readPayload({ data: file === '-' ? file : `@${file}` }, signal);
    throw new TroupeError('INVALID_ARGUMENT', 'With --file all of the event is in the file: leave out the others.');
  }
  const missing = [...(type === undefined ? ['--type'] : []), ...(source === undefined ? ['--source'] : [])];
  if (missing.length > 0)
    throw new TroupeError('INVALID_ARGUMENT', `An event needs ${missing.join(' and ')}, or a --file that has it.`);
  const payload = data === undefined ? undefined : await readPayload({ data }, signal);
  return { ...attributes, ...(payload !== undefined && { data: payload }) };
}

export async function publish(
  client: HostClient,
  events: unknown,
  { json }: HostFlags,
  terminal: Terminal,
): Promise<void> {
  const type = Array.isArray(events) ? 'application/cloudevents-batch+json' : 'application/cloudevents+json';
  const answer = await client.json<Published | readonly Published[]>({
    method: 'POST',
    path: '/events',
    headers: { 'content-type': type },
    body: events,
  });
  if (json) return terminal.out(toJson(answer));
  for (const published of [answer].flat() as readonly Published[]) terminal.out(line(published));
}

function line({ id, source, isNew, deliveries }: Published): string {
  const what = oneLine(`${id} of ${source}`);
  if (!isNew) return `${what} was published before: nothing new is started`;
  const started = deliveries.map(({ trigger, function: name }) => `${name} (${trigger})`);
  return `${what} is published and starts ${started.length === 0 ? 'nothing' : started.join(', ')}`;
}

export interface ListFlags extends HostFlags {
  readonly type?: string;
  readonly source?: string;
  readonly limit?: number;
  readonly before?: number;
  readonly follow?: boolean;
}

export async function list(client: HostClient, flags: ListFlags, terminal: Terminal): Promise<void> {
  const events = await client.json<EventView[]>({ method: 'GET', path: `/events?${queryOf(flags)}` });
  if (flags.json) return terminal.out(toJson(events));
  if (events.length === 0) return terminal.note('There is no such event, or not any more.');
  for (const row of table(terminal.outColors, HEAD, events.map(rowOf))) terminal.out(row);
}

export async function follow(client: HostClient, flags: ListFlags, terminal: Terminal): Promise<void> {
  if (flags.limit !== undefined || flags.before !== undefined)
    throw new TroupeError('INVALID_ARGUMENT', '--follow shows what is to come: leave out --limit and --before.');
  const path = `/events?${queryOf(flags)}`;
  await client.lines({ method: 'GET', path }, async (text) => {
    terminal.out(flags.json ? text : rowOf(JSON.parse(text) as EventView).join('  '));
    await terminal.drained();
  });
}

function queryOf({ type, source, limit, before, follow }: ListFlags): URLSearchParams {
  const numbers = { limit: limit?.toString(), before: before?.toString(), follow: follow ? '1' : undefined };
  return new URLSearchParams(defined({ type, source, ...numbers }));
}

const HEAD = ['SEQUENCE', 'PUBLISHED', 'TYPE', 'SOURCE', 'ID', 'FIRED'];

function rowOf({ sequence, publishedAtMs, event, deliveries }: EventView): string[] {
  const { type, source, id }: CloudEvent = event;
  const fired = deliveries.map(({ trigger }) => trigger).join(', ');
  return [String(sequence), new Date(publishedAtMs).toISOString(), ...[type, source, id, fired].map(oneLine)];
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
