/**
 * Which processes a torture run has started, however deep and whoever is their parent now. They are told by TMPDIR, which the runner sets
 * to a directory of its own and which every process of a host inherits. Linux only: elsewhere nothing is found, so nothing is checked.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface MarkedProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly command: string;
}

export function markedProcesses(): MarkedProcess[] {
  const mark = `TMPDIR=${process.env['TMPDIR']}`;
  return allPids().flatMap((pid) => {
    try {
      // A zombie's files are empty: it is gone but for its parent's look at it.
      const isMarked = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark);
      if (!isMarked || pid === process.pid) return [];
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z') return [];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').join(' ').trim();
      return [{ pid, parentPid: Number(fields[1]), command }];
    } catch {
      return [];
    }
  });
}

/** Marked processes that no chain of parents leads from to this one. */
export function orphans(): MarkedProcess[] {
  const marked = markedProcesses();
  const adopted = new Set([process.pid]);
  for (let size = 0; size !== adopted.size; ) {
    size = adopted.size;
    for (const { pid, parentPid } of marked) if (adopted.has(parentPid)) adopted.add(pid);
  }
  return marked.filter(({ pid }) => !adopted.has(pid));
}

export const isService = ({ command }: MarkedProcess): boolean => /esbuild/.test(command);

export const showProcess = ({ pid, parentPid, command }: MarkedProcess): string =>
  `${pid} (parent ${parentPid}): ${command.slice(0, 160)}`;

function allPids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}
