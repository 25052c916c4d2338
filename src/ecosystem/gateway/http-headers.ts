/** Which headers pass through the gateway. Pure. */

/** They are about one connection, not about the message (RFC 9110, section 7.6.1), and each side has its own. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export type HeaderList = readonly (readonly [string, string])[];

/** Without those of the connection, and without those that its `Connection` header names. Repeated headers stay repeated. */
export function endToEnd(headers: HeaderList): [string, string][] {
  const passed: [string, string][] = [];
  let connection: string | undefined;
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (!HOP_BY_HOP.has(key)) passed.push([name, value]);
    else if (key === 'connection') connection = connection === undefined ? value : `${connection},${value}`;
  }
  return withoutNamed(passed, connection);
}

/** Names and values in turn, as Node.js gives them, in pairs, names in lower case. `Expect` has been answered here. */
export function requestHeaders(raw: readonly string[]): [string, string][] {
  const passed: [string, string][] = [];
  let connection: string | undefined;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const key = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    if (!HOP_BY_HOP.has(key)) {
      if (key !== 'expect') passed.push([key, value]);
    } else if (key === 'connection') connection = connection === undefined ? value : `${connection},${value}`;
  }
  return withoutNamed(passed, connection);
}

/** Names and values in turn. */
export function flattened(headers: HeaderList): string[] {
  const flat: string[] = [];
  for (const [name, value] of headers) flat.push(name, value);
  return flat;
}

/** What nearly all clients say names no header. */
const USUAL_CONNECTION = /^(?:keep-alive|close)$/i;

function withoutNamed(headers: [string, string][], connection: string | undefined): [string, string][] {
  if (connection === undefined || USUAL_CONNECTION.test(connection)) return headers;
  const named = new Set(connection.split(',').map((token) => token.trim().toLowerCase()));
  return headers.filter(([name]) => !named.has(name.toLowerCase()));
}
