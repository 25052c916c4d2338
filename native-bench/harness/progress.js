/** Says on standard error what is being measured and how long it will still take. On a terminal in one line that changes. */

const SAY_EVERY_MS = 5_000;

/** @typedef {{ title: string, rounds: number, position: number, total: number }} Run  one scenario, in one variant */

export class Progress {
  /** @type {Run | undefined} */
  #run;
  #runBeganMs = 0;
  #saidMs = Number.NEGATIVE_INFINITY;
  /** How long each finished run took. @type {number[]} */
  #finishedMs = [];
  #inPlace = process.stderr.isTTY === true;
  #endsMs;

  /** @param {number} endsMs  it will not take longer, on the clock of `performance.now()` */
  constructor(endsMs) {
    this.#endsMs = endsMs;
  }

  /** @param {Run} run */
  begin(run) {
    this.#run = run;
    this.#runBeganMs = performance.now();
    this.#say('preparing');
  }

  /** @param {number} round 0: the one that does not count */
  round(round) {
    const nowMs = performance.now();
    if (!this.#run || (!this.#inPlace && nowMs - this.#saidMs < SAY_EVERY_MS && round > 0)) return;
    this.#say(round === 0 ? 'warming up' : `round ${round} of ${this.#run.rounds}`, this.#leftMs(round, nowMs));
  }

  end() {
    this.#finishedMs.push(performance.now() - this.#runBeganMs);
    if (this.#inPlace) process.stderr.write('\r\x1b[K');
    this.#run = undefined;
  }

  /**
   * This run's rounds will take what they took so far; each run that has not begun, as long as the mean of those that have.
   * @param {number} round @param {number} nowMs
   */
  #leftMs(round, nowMs) {
    const run = this.#run;
    if (!run || round === 0) return undefined;
    const perRoundMs = (nowMs - this.#runBeganMs) / round;
    const thisMs = perRoundMs * (run.rounds + 1 - round);
    const known = [...this.#finishedMs, nowMs - this.#runBeganMs + thisMs];
    const meanMs = known.reduce((sum, took) => sum + took, 0) / known.length;
    return Math.min(thisMs + meanMs * (run.total - run.position), this.#endsMs - nowMs);
  }

  /** @param {string} what @param {number} [leftMs] */
  #say(what, leftMs) {
    const run = this.#run;
    if (!run) return;
    this.#saidMs = performance.now();
    const left = leftMs === undefined ? '' : `, about ${duration(leftMs)} left`;
    const line = `[${run.position}/${run.total}] ${run.title}: ${what}${left}`;
    process.stderr.write(this.#inPlace ? `\r\x1b[K${line}` : `${line}\n`);
  }
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
