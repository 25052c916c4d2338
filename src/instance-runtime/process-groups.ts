/**
 * The process groups that executables run in. Each is led by the executable and is killed whole, so that what it left in the background
 * does not outlive its call. Whoever may outlive this instance hears of each group, and kills what is left.
 */
import type { ChildProcess } from 'node:child_process';

interface GroupObserver {
  groupStarted(pid: number): void;
  groupEnded(pid: number): void;
}

export class ProcessGroups {
  readonly #observer: GroupObserver | undefined;
  readonly #pids = new Set<number>();

  constructor(observer?: GroupObserver) {
    this.#observer = observer;
  }

  /** A child that was started with `detached: true`. */
  add({ pid }: ChildProcess): void {
    if (pid === undefined) return;
    this.#pids.add(pid);
    this.#observer?.groupStarted(pid);
  }

  signal({ pid }: ChildProcess, signal: NodeJS.Signals): void {
    if (pid !== undefined && this.#pids.has(pid)) killGroup(pid, signal);
  }

  /** Call it in the turn in which the child is known to have ended: later its number may be somebody else's. */
  end({ pid }: ChildProcess): void {
    if (pid === undefined || !this.#pids.delete(pid)) return;
    killGroup(pid, 'SIGKILL');
    this.#observer?.groupEnded(pid);
  }

  /** Synchronous: it runs while the instance exits. */
  killAll(): void {
    for (const pid of this.#pids) killGroup(pid, 'SIGKILL');
    this.#pids.clear();
  }
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}
