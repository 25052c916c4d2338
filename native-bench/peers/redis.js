/**
 * A private Redis: a server of its own on a free loopback port, in a temporary folder, which appends every change to a file and syncs that as it is told.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { skip } from '../harness/skipped.js';

const ADDRESS = '127.0.0.1';
const TEMPORARY = join(tmpdir(), 'troupe-bench-redis-');
const START_WITHIN_MS = 10_000;
const STOP_WITHIN_MS = 2_000;

/** What a process leaves behind that ends without closing. @type {Set<() => void>} */
const left = new Set();
process.on('exit', () => {
  for (const abandon of left) abandon();
});

/** @typedef {{ port: number, close: () => Promise<void> }} Redis */

/** @param {'everysec' | 'always'} fsync @returns {Promise<Redis | undefined>} undefined where there is none */
export async function startRedis(fsync) {
  const binary = redisBinary();
  if (!binary) {
    skip('Redis', '`redis-server` is not there: the Debian package redis-server has it.');
    return undefined;
  }
  const directory = mkdtempSync(TEMPORARY);
  const port = await freePort();
  const settings = [
    '--port',
    String(port),
    '--bind',
    ADDRESS,
    '--dir',
    directory,
    '--save',
    '',
    '--loglevel',
    'warning',
  ];
  const durability = ['--appendonly', 'yes', '--appendfsync', fsync, '--maxmemory-policy', 'noeviction'];
  const server = spawn(binary, [...settings, ...durability], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  server.stdout.on('data', (chunk) => {
    said = (said + chunk).slice(-2_000);
  });
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const abandon = () => {
    server.kill('SIGKILL');
    remove();
  };
  left.add(abandon);
  const close = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      const timer = setTimeout(() => server.kill('SIGKILL'), STOP_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    }
    remove();
    left.delete(abandon);
  };
  const untilMs = performance.now() + START_WITHIN_MS;
  while (!(await isAnswering(port))) {
    if (server.exitCode !== null || performance.now() > untilMs) {
      await close();
      throw new Error(`Redis did not start: ${said}`);
    }
    await sleep(20);
  }
  return { port, close };
}

/** What it says of itself. @returns {string | undefined} */
export function redisVersion() {
  const binary = redisBinary();
  return binary && /v=(\S+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' }))?.[1];
}

/** @returns {string | undefined} */
function redisBinary() {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'redis-server')).find((path) => existsSync(path));
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, ADDRESS);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}

/** @param {number} port @returns {Promise<boolean>} */
function isAnswering(port) {
  return new Promise((resolve) => {
    const socket = connect(port, ADDRESS, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
