/** `http`, and a task that runs an address: a request. */
import type { HttpStep, StepAction } from '../../../language.ts';
import { MAIN_INPUT } from '../definition.ts';
import type { Inputs } from '../inputs.ts';
import { describeValue, isPlainMap } from '../source.ts';
import type { Work } from '../synchronously.ts';
import { isText } from './kinds.ts';

/** `address`: where the task runs it. Without it, the main input is one unless `url` is. */
export function* runHttp(inputs: Inputs, address?: string): Work<StepAction> {
  const key = address === undefined && inputs.has('url') ? 'url' : MAIN_INPUT;
  const given = address ?? (yield* inputs.expect(key, { is: isText, what: 'the address to call' }));
  const url = yield* addressOf(inputs, key, given);
  const method = (yield* inputs.expect('method', { is: isText, what: 'a method', absent: 'GET' })).toUpperCase();
  const headers = textMap(inputs, 'headers', yield* inputs.get('headers'));
  const isMainFree = address !== undefined || key === 'url';
  const body = (yield* inputs.get('body')) ?? (isMainFree ? yield* inputs.get(MAIN_INPUT) : undefined) ?? undefined;
  const contentType = yield* inputs.expect('content-type', { is: isText, what: 'a media type', absent: '' });
  if (body === undefined) return { kind: 'http', request: { url, method, headers: typed(headers, contentType) } };
  if (method === 'GET' || method === 'HEAD') throw inputs.fault('body', `a request with ${method} has none`);
  const encoded = encodeBody(body);
  return {
    kind: 'http',
    request: { url, method, headers: typed(headers, contentType || encoded.type), body: encoded.body },
  };
}

function* addressOf(inputs: Inputs, key: string, given: string): Work<string> {
  const text = given.trim();
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(whole)) throw inputs.fault(key, `${describeValue(given)} is no address`);
  const url = new URL(whole);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw inputs.fault(key, 'only http and https can be called');
  for (const [name, value] of Object.entries(textMap(inputs, 'query', yield* inputs.get('query')))) {
    url.searchParams.append(name, value);
  }
  return url.href;
}

function textMap(inputs: Inputs, key: string, value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isPlainMap(value)) throw inputs.fault(key, `it has to be a map, not ${describeValue(value)}`);
  const entries = Object.entries(value).map(([name, each]): [string, string] => {
    if (typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean') return [name, String(each)];
    throw inputs.fault(key, `"${name}" has to be a text, not ${describeValue(each)}`);
  });
  return Object.fromEntries(entries);
}

/** What `headers` says wins. */
function typed(headers: Record<string, string>, contentType: string): Record<string, string> {
  const isSet = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  return isSet || contentType === '' ? headers : { ...headers, 'content-type': contentType };
}

function encodeBody(body: unknown): { readonly body: NonNullable<HttpStep['body']>; readonly type: string } {
  if (typeof body === 'string') return { body, type: 'text/plain; charset=utf-8' };
  if (body instanceof Uint8Array) return { body, type: 'application/octet-stream' };
  return { body: JSON.stringify(body), type: 'application/json' };
}
