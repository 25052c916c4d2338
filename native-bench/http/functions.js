/** What every server runs: JSON in, the same JSON out. One text for the fetch handler, so that troupe and workerd run the same. */

/** Web standard: what a user of workerd writes. */
export const FETCH_HANDLER = `export default {
  async fetch(request) {
    return Response.json(await request.json());
  },
};
`;

const PLAIN_HANDLER = 'export default (event) => event;\n';

/**
 * One instance answers many requests at a time, as the one isolate of workerd does.
 * @type {readonly { name: string, code: string, config: Partial<import('../../dist/index.js').DeployOptions> }[]}
 */
export const FUNCTIONS = [
  { name: 'plain', code: PLAIN_HANDLER, config: { concurrency: 64 } },
  { name: 'fetch', code: FETCH_HANDLER, config: { concurrency: 64 } },
];

const BODY = JSON.stringify({ id: 7, name: 'Ada', tags: ['a', 'b'] });

/** The request as it stands on the wire. @param {string} path @param {number} port */
export function requestFor(path, port) {
  return [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'User-Agent: native-bench',
    'Accept: */*',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(BODY)}`,
    '',
    BODY,
  ].join('\r\n');
}
