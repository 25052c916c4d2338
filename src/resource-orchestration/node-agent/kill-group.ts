/** Ends a process group at once, whole; one that is gone already is fine. */
export function killGroup(leaderPid: number): void {
  try {
    process.kill(-leaderPid, 'SIGKILL');
  } catch {
    // ESRCH: nobody is left in it.
  }
}
