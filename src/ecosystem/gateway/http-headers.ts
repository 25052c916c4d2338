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
  const named = new Set<string>();
  for (const [name, value] of headers) {
    if (name.toLowerCase() === 'connection') {
      for (const token of value.split(',')) named.add(token.trim().toLowerCase());
    }
  }
  const passed: [string, string][] = [];
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (!HOP_BY_HOP.has(key) && !named.has(key)) passed.push([name, value]);
  }
  return passed;
}

/** Names and values in turn, as Node.js gives them, in pairs. `Expect` has been answered here. */
export function requestHeaders(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (name !== 'expect') pairs.push([name, raw[at + 1] ?? '']);
  }
  return endToEnd(pairs);
}
