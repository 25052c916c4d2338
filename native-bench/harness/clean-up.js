/**
 * Invariant 1 of README.md: whatever ends the command, nothing that it started stays. Subjects are closed if there is time, processes below this
 * one are killed in any case. Processes are found through /proc; elsewhere closing has to do.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { closeAll } from './rounds.js';

const CLOSE_WITHIN_MS = 3_000;

/** @typedef {import('./scenario.js').Subject} Subject */

/** What has to be closed if the command is interrupted now. @type {{ subjects: readonly Subject[] }} */
export const open = { subjects: [] };

let interrupted = false;

/** After Ctrl-C errors of calls are no news. */
export function isInterrupted() {
  return interrupted;
}

/** @param {{ removeFiles: () => void }} options  `removeFiles` runs as the last */
export function cleanUpAtExit({ removeFiles }) {
  process.on('exit', () => {
    killDescendants();
    removeFiles();
  });
  for (const [signal, code] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])) {
    process.on(signal, () => {
      if (interrupted) process.exit(code);
      interrupted = true;
      console.error(`\n${signal}: closing`);
      setTimeout(() => process.exit(code), CLOSE_WITHIN_MS);
      void closeAll(open.subjects).then(() => process.exit(code));
    });
  }
}

function killDescendants() {
  for (const pid of descendantsOf(process.pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** @param {number} ancestor @returns {number[]} */
function descendantsOf(ancestor) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const entry of pids()) {
    try {
      // `pid (name) state parent ...`: the name may hold anything, so read from its last parenthesis.
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 1).split(' ')[2]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return below(ancestor, children);
}

/** @param {number} pid @param {ReadonlyMap<number, number[]>} children @returns {number[]} */
function below(pid, children) {
  return (children.get(pid) ?? []).flatMap((child) => [child, ...below(child, children)]);
}

/** @returns {string[]} */
function pids() {
  try {
    return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  } catch {
    return [];
  }
}
