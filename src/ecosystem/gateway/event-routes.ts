/**
 * Events as resources: publish, list, look at, and follow as they come.
 *
 * Invariants (numbers as in README.md):
 * 4. A reader that is slower than what it reads holds back its source: what it has not read yet is read from what the host keeps.
 */
import { TroupeError } from '../../errors.ts';
import type { EventView } from '../event-management/protocol.ts';
import { receivedEvents } from './event-message.ts';
import type { Exchange } from './exchange.ts';
import { refuseOthers } from './function-routes.ts';
import { toJsonText } from './json-text.ts';
import { isTrue, wholeNumber } from './parameters.ts';
import { flushHeadSoon, write } from './writing.ts';

/** 202 where there was something new, 200 where all of it had been published before. */
export async function publish(exchange: Exchange): Promise<void> {
  const { events, isMany } = receivedEvents(await exchange.body(), exchange.request.headers);
  const published = await exchange.host.events.publishReceived(events, isMany);
  exchange.sendJson(published.some(({ isNew }) => isNew) ? 202 : 200, isMany ? published : published[0]);
}

/** With an `id`, which needs its `source`, that event alone. */
export async function list(exchange: Exchange): Promise<void> {
  const { type, source, id, limit, before, after, follow, ...others } = Object.fromEntries(exchange.query);
  refuseOthers(others, 'type, source, id, limit, before, after and follow');
  const isSse = exchange.header('accept')?.includes('text/event-stream') ?? false;
  const wanted = { ...(type !== undefined && { type }), ...(source !== undefined && { source }) };
  if (isSse || isTrue(follow)) return followEvents(exchange, wanted, isSse);
  if (id !== undefined) {
    if (source === undefined) throw new TroupeError('INVALID_ARGUMENT', 'An event is found by id and source.');
    return exchange.sendJson(200, shown(await exchange.host.events.get(source, id)));
  }
  const events = await exchange.host.events.list({
    ...wanted,
    ...(limit !== undefined && { limit: wholeNumber(limit, 'limit') }),
    ...(before !== undefined && { before: wholeNumber(before, 'before') }),
  });
  exchange.sendJson(200, events.map(shown));
}

/** A client that connects again goes on where it has left off. */
async function followEvents(
  { host, request, response, services, query }: Exchange,
  wanted: { readonly type?: string; readonly source?: string },
  isSse: boolean,
): Promise<void> {
  const last = query.get('after') ?? request.headers['last-event-id'];
  const after = typeof last === 'string' ? { after: wholeNumber(last, 'after') } : {};
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  response.once('close', leave);
  services.closing.addEventListener('abort', leave, { once: true });
  if (services.closing.aborted || request.method === 'HEAD') leave();
  const type = isSse ? 'text/event-stream' : 'application/x-ndjson';
  response.writeHead(200, ['Content-Type', type, 'Cache-Control', 'no-store']);
  flushHeadSoon(response);
  try {
    for await (const view of host.events.follow({ ...wanted, ...after, signal: leaving.signal })) {
      const json = toJsonText(shown(view));
      if (!(await write(response, isSse ? `id: ${view.sequence}\ndata: ${json}\n\n` : `${json}\n`))) return;
    }
    response.end();
  } finally {
    services.closing.removeEventListener('abort', leave);
  }
}

/** In the JSON format of CloudEvents: bytes are `data_base64`. */
function shown(view: EventView): object {
  const { data, ...attributes } = view.event;
  if (!(data instanceof Uint8Array)) return view;
  const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return { ...view, event: { ...attributes, data_base64: base64 } };
}
