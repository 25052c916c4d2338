/** On what it was measured: without it a figure is a rumour. Whatever cannot be found out here is left out. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { postgresVersion } from '../peers/postgres.js';
import { redisVersion } from '../peers/redis.js';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @typedef {object} Environment
 * @property {string} date      ISO 8601, when it began
 * @property {string} platform  operating system and processor architecture
 * @property {string} kernel
 * @property {string} cpu
 * @property {number} cores     that this process may use
 * @property {number} memoryMb
 * @property {string} [governor]  of processor frequency
 * @property {string} node
 * @property {string} v8
 * @property {string} troupe    version
 * @property {string} [commit]  of git, with `+` if files differed from it
 * @property {Record<string, string>} peers  versions
 * @property {{ before: number, after?: number }} loadAverage  over one minute; before is without the benchmark
 * @property {'full' | 'quick'} mode
 */

/** @param {{ quick: boolean }} options @returns {Environment} */
export function environmentNow({ quick }) {
  const [governor, commit] = [governorOf(), commitOf()];
  return {
    date: new Date().toISOString(),
    platform: `${process.platform} ${process.arch}`,
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / 2 ** 20),
    ...(governor === undefined ? {} : { governor }),
    node: process.version,
    v8: process.versions.v8,
    troupe: versionIn(ROOT) ?? 'unknown',
    ...(commit === undefined ? {} : { commit }),
    peers: peerVersions(),
    loadAverage: { before: loadNow() },
    mode: quick ? 'quick' : 'full',
  };
}

/** @param {Environment} environment @returns {Environment} */
export function withLoadAfter(environment) {
  return { ...environment, loadAverage: { before: environment.loadAverage.before, after: loadNow() } };
}

function loadNow() {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** @returns {Record<string, string>} */
function peerVersions() {
  const { dependencies } = JSON.parse(readFileSync(`${HERE}package.json`, 'utf8'));
  const versions = Object.keys(dependencies).map((name) => [name, versionIn(`${HERE}node_modules/${name}`)]);
  versions.push(['postgres', attempt(postgresVersion)], ['redis', attempt(redisVersion)]);
  return Object.fromEntries(versions.map(([name, version]) => [name, version ?? 'not installed']));
}

/** @param {string} folder @returns {string | undefined} */
function versionIn(folder) {
  return attempt(() => JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')).version);
}

/** If the cores differ, all of them. @returns {string | undefined} */
function governorOf() {
  const folder = '/sys/devices/system/cpu/cpufreq';
  const found = attempt(() =>
    readdirSync(folder).map((policy) => readFileSync(`${folder}/${policy}/scaling_governor`, 'utf8').trim()),
  );
  return found && found.length > 0 ? [...new Set(found)].join(', ') : undefined;
}

/** @returns {string | undefined} */
function commitOf() {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  return attempt(() => `${git('rev-parse', '--short=12', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`);
}

/** @template T @param {() => T} read @returns {T | undefined} */
function attempt(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}
