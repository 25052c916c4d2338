/**
 * Restate: a server that keeps the journal, and a service that it calls over HTTP/2. The five steps are `ctx.run` of one invocation, which is what
 * favours it most: five calls of another service take three times as long. The service has a process of its own, as deployed ones do, and does
 * not log, which it otherwise does twice for each invocation. All else is as it comes: the log is synced to disk.
 *
 * When it starts, the server asks GitHub for its newest release; there is no setting against that, and nothing depends on the answer.
 */
import { mkdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skip } from '../harness/skipped.js';
import { startServer } from '../http/server-process.js';

const ENDPOINT = fileURLToPath(new URL('restate-endpoint.js', import.meta.url));
const HOW_TO_ADD =
  'the npm packages @restatedev/restate-sdk and @restatedev/restate-server are not installed, or have no binary for this platform: `npm ci --prefix native-bench --ignore-scripts`.';
/** Until the server leads its partitions it keeps calls waiting, or refuses them. */
const READY_WITHIN_MS = 20_000;

/** @typedef {import('../http/server-process.js').Server} Server */

/** @param {{ directory: string, payload: unknown, inFlight?: number }} options @returns {Promise<import('../subjects/subject.js').Caller | undefined>} */
export async function restateCaller({ directory, payload, inFlight = 64 }) {
  const binary = serverBinary();
  if (binary === undefined) {
    skip('Restate', HOW_TO_ADD);
    return undefined;
  }
  const service = await startServer({
    command: process.execPath,
    args: [ENDPOINT],
    env: { ...process.env, RESTATE_LOGGING: 'ERROR', NODE_ENV: 'production' },
    portOf: (line) => (/^\d+$/.test(line) ? Number(line) : undefined),
  });
  /** @type {Server | undefined} */
  let server;
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const close = async () => {
    agent.destroy();
    // The server first: it would try again to reach a service that is gone.
    await server?.close();
    await service.close();
  };
  try {
    const started = await startRestate(binary, join(directory, 'restate'));
    server = started.server;
    await register(started.adminPort, service.port);
    const call = () => post({ port: started.server.port, agent, path: '/flow/run', body: JSON.stringify(payload) });
    await answered(call);
    return { call, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where it is; undefined when a package is missing or has none for this platform. */
function serverBinary() {
  const require = createRequire(import.meta.url);
  try {
    require.resolve('@restatedev/restate-sdk');
    const nextTo = createRequire(require.resolve('@restatedev/restate-server/package.json'));
    return nextTo.resolve(`@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`);
  } catch {
    return undefined;
  }
}

/** On ports that it chooses itself and tells in its log. @param {string} binary @param {string} directory */
async function startRestate(binary, directory) {
  mkdirSync(directory);
  /** @type {Record<string, number>} */
  const ports = {};
  const ephemeral = ['--use-random-ports', 'true', '--bind-ip', '127.0.0.1', '--listen-mode', 'tcp'];
  const server = await startServer({
    command: binary,
    args: ['--base-dir', directory, ...ephemeral, '--no-logo', '--log-format', 'json'],
    env: { ...process.env, DO_NOT_TRACK: '1' },
    cwd: directory,
    portOf(line) {
      if (!line.startsWith('{')) return undefined;
      const { span } = JSON.parse(line);
      if (span?.['server.port']) ports[span.server_name] = span['server.port'];
      return ports['admin-api-server'] === undefined ? undefined : ports['http-ingress-server'];
    },
  });
  return { server, adminPort: ports['admin-api-server'] ?? 0 };
}

/** @param {number} adminPort @param {number} servicePort */
async function register(adminPort, servicePort) {
  const response = await fetch(`http://127.0.0.1:${adminPort}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${servicePort}` }),
  });
  if (!response.ok) throw new Error(`Restate refused the service: ${response.status} ${await response.text()}`);
}

/** Through `node:http`: `fetch` costs more. @param {{ port: number, agent: Agent, path: string, body: string }} options @returns {Promise<string>} */
function post({ port, agent, path, body }) {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent, path, method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`Restate: ${response.statusCode} ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** @param {() => Promise<unknown>} call */
async function answered(call) {
  const untilMs = performance.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
