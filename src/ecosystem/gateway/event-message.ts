/**
 * Events in an HTTP request, in each of the three modes of the HTTP binding of CloudEvents 1.0.2. What is in them is the host's to check: nothing is
 * left out, filled in or put right here. Pure.
 */
import { TroupeError } from '../../errors.ts';
import { decodeBody } from './payload.ts';

export interface ReceivedEvents {
  readonly events: readonly unknown[];
  readonly isMany: boolean;
}

const STRUCTURED = 'application/cloudevents';
const BATCH = 'application/cloudevents-batch';
const PREFIX = 'ce-';
/** What `curl -d` says of everything. */
const FORM = 'application/x-www-form-urlencoded';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Throws `INVALID_JSON`, or `INVALID_ARGUMENT` where there is no event. */
export function receivedEvents(body: Buffer, headers: Headers): ReceivedEvents {
  const contentType = headers['content-type'] as string | undefined;
  const [type = ''] = (contentType ?? '').toLowerCase().split(';');
  const [format, ...suffix] = type.trim().split('+');
  if (format === STRUCTURED || format === BATCH) {
    if (suffix.join('+') !== 'json') throw unknownFormat(type.trim());
    const value = decodeBody(body, 'application/json');
    if (format === STRUCTURED) return { events: [value], isMany: false };
    if (Array.isArray(value)) return { events: value, isMany: true };
    throw new TroupeError('INVALID_ARGUMENT', `The body must be an array of events, as ${type.trim()} says.`);
  }
  const attributes = attributesIn(headers);
  if (Object.keys(attributes).length === 0) throw noEvent();
  if (attributes['datacontenttype'] !== undefined)
    throw new TroupeError('INVALID_ARGUMENT', 'ce-datacontenttype: the type of the data is said by Content-Type.');
  const isForm = type.trim() === FORM;
  const data = decodeBody(body, contentType);
  const datacontenttype = isForm ? 'application/json' : contentType;
  return {
    events: [
      { ...attributes, ...(contentType !== undefined && { datacontenttype }), ...(data !== undefined && { data }) },
    ],
    isMany: false,
  };
}

function attributesIn(headers: Headers): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX) || value === undefined) continue;
    attributes[name.slice(PREFIX.length)] = decoded(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return attributes;
}

/** As section 3.1.3.2 of the binding has it: quotes are taken off, then what is percent-encoded is decoded. */
function decoded(name: string, value: string): string {
  const quoted = /^"(.*)"$/.exec(value)?.[1];
  const text = quoted === undefined ? value : quoted.replaceAll(/\\(.)/g, '$1');
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `${name}: ${JSON.stringify(value.slice(0, 200))} is not percent-encoded UTF-8; a percent sign itself is %25.`,
    );
  }
}

function noEvent(): TroupeError {
  return new TroupeError(
    'INVALID_ARGUMENT',
    `There is no event: send one as JSON with Content-Type: ${STRUCTURED}+json, many with ${BATCH}+json, or attributes as headers such as ce-type and ce-source, and the data as the body.`,
  );
}

function unknownFormat(type: string): TroupeError {
  return new TroupeError('INVALID_ARGUMENT', `Events are taken as JSON, ${STRUCTURED}+json, not as ${type}.`);
}
