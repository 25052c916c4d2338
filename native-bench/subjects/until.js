/** Waiting for what tells nobody. */

const LONGEST_MS = 60_000;

/** Polls, and throws where it takes a minute: a job that never ends must not look like a slow machine. @param {() => boolean | Promise<boolean>} condition */
export async function until(condition) {
  const untilMs = performance.now() + LONGEST_MS;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`Jobs were not done within ${LONGEST_MS} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
