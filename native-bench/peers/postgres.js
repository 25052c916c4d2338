/**
 * A private Postgres: a cluster of its own in a temporary folder, reached through a socket in that folder, and through nothing else. Settings are
 * those of `initdb`: a commit is synced to disk.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { skip } from '../harness/skipped.js';

/** A socket's path may have 107 characters, and must be open to the user that the server runs as: so not in the folder of the scenario. */
const TEMPORARY = '/tmp/troupe-bench-postgres-';
const PORT = 5432;
/** It is there while the server runs. */
const LOCK = 'postmaster.pid';
const START_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 2_000;
/** Debian keeps it out of the path. */
const DEBIAN = '/usr/lib/postgresql';

/** What a process leaves behind that ends without closing. @type {Set<() => void>} */
const left = new Set();
process.on('exit', () => {
  for (const abandon of left) abandon();
});

/** @typedef {{ url: string, close: () => Promise<void> }} Postgres */

/** @returns {Promise<Postgres | undefined>} undefined where there is none */
export async function startPostgres() {
  const folder = binaries();
  const user = userToBe();
  if (!folder || !user) {
    skip('Postgres', '`initdb` and `postgres` are not there: the Debian package postgresql has them.');
    return undefined;
  }
  const directory = mkdtempSync(TEMPORARY);
  const data = join(directory, 'data');
  const remove = () => rmSync(directory, { recursive: true, force: true });
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let server;
  const abandon = () => {
    // An immediate shutdown: what is killed instead leaves its shared memory behind.
    if (server?.exitCode === null && server.kill('SIGQUIT')) waitWhile(() => existsSync(join(data, LOCK)));
    remove();
  };
  left.add(abandon);
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid);
  const as = { ...user, cwd: directory };
  await promisify(execFile)(join(folder, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8'], as);
  const args = ['-D', data, '-k', directory, '-p', String(PORT), '-c', 'listen_addresses='];
  const started = spawn(join(folder, 'postgres'), args, { ...as, stdio: ['ignore', 'ignore', 'pipe'] });
  server = started;
  let complaint = '';
  started.stderr.on('data', (chunk) => {
    complaint = (complaint + chunk).slice(-2_000);
  });
  const close = async () => {
    if (started.exitCode === null && started.signalCode === null) {
      const ended = once(started, 'exit');
      // To the server, SIGINT is a fast shutdown: connections end at once, and its shared memory is given back.
      started.kill('SIGINT');
      const timer = setTimeout(() => started.kill('SIGKILL'), STOP_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    }
    remove();
    left.delete(abandon);
  };
  try {
    await isReady(data, () => started.exitCode === null);
  } catch (error) {
    await close();
    throw new Error(`Postgres did not start: ${complaint}`, { cause: error });
  }
  return { url: `postgresql://bench@localhost/bench?host=${encodeURIComponent(directory)}&port=${PORT}`, close };
}

/** What it says of itself. @returns {string | undefined} */
export function postgresVersion() {
  const folder = binaries();
  return folder && execFileSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' }).trim().split(' ')[2];
}

/** @returns {string | undefined} the folder of both: of those in the path, or the newest of Debian's */
function binaries() {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one)) : [];
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...debian.map((version) => join(DEBIAN, version, 'bin')),
  ];
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
}

/** It refuses to run as root. @returns {{ uid?: number, gid?: number } | undefined} undefined where there is nobody else to run as */
function userToBe() {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Its lock file says so in a line of its own. @param {string} data @param {() => boolean} isRunning */
async function isReady(data, isRunning) {
  const untilMs = performance.now() + START_WITHIN_MS;
  const lock = join(data, LOCK);
  while (!existsSync(lock) || !/^ready\s*$/m.test(readFileSync(lock, 'utf8'))) {
    if (!isRunning() || performance.now() > untilMs) throw new Error('It has ended, or is not ready in time.');
    await sleep(50);
  }
}

/** Blocks: at the end of a process nothing else is left to do. @param {() => boolean} condition */
function waitWhile(condition) {
  const untilMs = performance.now() + STOP_WITHIN_MS;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (condition() && performance.now() < untilMs) Atomics.wait(cell, 0, 0, 10);
}
