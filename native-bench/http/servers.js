/** The servers that are compared, each a child process on a free loopback port. */
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skip } from '../harness/skipped.js';
import { FETCH_HANDLER, FUNCTIONS } from './functions.js';
import { startServer } from './server-process.js';

/** @typedef {import('./server-process.js').Server} Server */

const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const COMMAND = here('../../bin/troupe.js');

/** @param {string} line */
const bareNumber = (line) => (/^\d+$/.test(line) ? Number(line) : undefined);

export function startNodeServer() {
  return startServer({ command: process.execPath, args: [here('node-server.js')], portOf: bareNumber });
}

export function startInlineServer() {
  return startServer({ command: process.execPath, args: [here('inline-server.js')], portOf: bareNumber });
}

/** `troupe serve` as it comes, with the functions deployed as a user does it. @param {string} directory */
export async function startServe(directory) {
  const env = { ...process.env, TROUPE_HOST: undefined, TROUPE_PORT: undefined, TROUPE_DATA_DIR: undefined };
  const server = await startServer({
    command: process.execPath,
    args: [COMMAND, 'serve', '--port', '0', '--data', join(directory, 'serve-data'), '--json'],
    env,
    portOf: (line) => (line.startsWith('{') ? Number(new URL(JSON.parse(line).url).port) : undefined),
  });
  try {
    for (const { name, code, config } of FUNCTIONS) await deploy(server.port, { name, code, config });
  } catch (thrown) {
    await server.close();
    throw thrown;
  }
  return server;
}

/** @param {number} port @param {(typeof FUNCTIONS)[number]} one */
async function deploy(port, { name, code, config }) {
  const response = await fetch(`http://127.0.0.1:${port}/functions/${name}`, {
    method: 'PUT',
    body: JSON.stringify({ source: { language: 'js', code }, config: { minInstances: 1, ...config } }),
  });
  if (!response.ok) throw new Error(`deploy of ${name}: ${response.status} ${await response.text()}`);
}

/** Where the binary is; undefined when the package is not installed or has none for this platform. */
function workerdBinary() {
  const name = {
    'linux-x64': 'linux-64',
    'linux-arm64': 'linux-arm64',
    'darwin-x64': 'darwin-64',
    'darwin-arm64': 'darwin-arm64',
  }[/** @type {'linux-x64'} */ (`${process.platform}-${process.arch}`)];
  try {
    const require = createRequire(import.meta.url);
    const nextTo = createRequire(require.resolve('workerd/package.json'));
    const path = join(dirname(nextTo.resolve(`@cloudflare/workerd-${name}/package.json`)), 'bin', 'workerd');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where there is no workerd. @param {string} directory @returns {Promise<Server | undefined>} */
export async function startWorkerd(directory) {
  const binary = workerdBinary();
  if (binary === undefined) {
    skip('workerd', 'it is not installed, or not for this platform: npm ci --prefix native-bench --ignore-scripts.');
    return undefined;
  }
  writeFileSync(join(directory, 'worker.js'), FETCH_HANDLER);
  writeFileSync(join(directory, 'workerd.capnp'), WORKERD_CONFIG);
  return startServer({
    command: binary,
    args: ['serve', '--control-fd=3', 'workerd.capnp'],
    cwd: directory,
    portFd: 3,
    portOf: (line) => {
      const { event, port } = JSON.parse(line);
      return event === 'listen' ? port : undefined;
    },
  });
}

const WORKERD_CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2025-01-01",
);
`;
