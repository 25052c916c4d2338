/**
 * The reads of /proc. Everything here answers `undefined` or nothing where a file is not there: another platform, or a process that has
 * ended meanwhile. One read costs 10 to 30 us; none is made while nothing runs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { parseChildren, parseCpuMs, parseOwnMemoryMb } from './sampling.ts';

/** A tree of processes deeper or wider than this is counted in part. */
const MAX_TREE = 256;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

export function processCpuMs(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : parseCpuMs(stat);
}

/** Of a thread of this process. */
export function threadCpuMs(threadId: number): number | undefined {
  const stat = read(`/proc/self/task/${threadId}/stat`);
  return stat === undefined ? undefined : parseCpuMs(stat);
}

/** The kernel's ids of the threads of this process. */
export function listThreadIds(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [];
  }
}

export function processMemoryMb(pid: number | 'self'): number | undefined {
  const status = read(`/proc/${pid}/status`);
  return status === undefined ? undefined : parseOwnMemoryMb(status);
}

/**
 * The processes that a process has started and that are still there. Only those of its first thread: Node starts processes from others
 * too, but only for code that runs its own threads.
 */
export function childrenOf(pid: number): number[] {
  return parseChildren(read(`/proc/${pid}/task/${pid}/children`) ?? '');
}

/** Memory of a process and of all that descend from it: what an executable uses counts against the function that runs it. */
export function processTreeMemoryMb(root: number): number | undefined {
  let totalMb: number | undefined;
  const pending = [root];
  for (let counted = 0; counted < MAX_TREE; counted++) {
    const pid = pending.pop();
    if (pid === undefined) break;
    const memoryMb = processMemoryMb(pid);
    if (memoryMb === undefined) continue;
    totalMb = (totalMb ?? 0) + memoryMb;
    pending.push(...childrenOf(pid));
  }
  return totalMb;
}
