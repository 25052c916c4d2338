/** Rounds, quantiles and ratios. */

/**
 * @typedef {{ p50Us?: number, p99Us?: number, perSecond?: number }} Figures
 * @typedef {{ name: string, round: () => Promise<Figures>, close: () => Promise<void> }} Subject
 * @typedef {{ name: string, subject: string, ratios: Record<string, Figures> } & Figures} Row
 */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** @param {number[]} values sorted in place @param {number} part */
function quantile(values, part) {
  values.sort((one, other) => one - other);
  return values[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;
}

/** Of calls with pauses between them, which have no rate. @param {number[]} tookUs @returns {Figures} */
export function figuresOf(tookUs) {
  return { p50Us: quantile(tookUs, 0.5), p99Us: quantile(tookUs, 0.99) };
}

/** Calls one after the other and times each. @param {() => Promise<unknown>} call @param {number} times @returns {Promise<Figures>} */
export async function oneAtATime(call, times) {
  const tookUs = new Array(times);
  const startedMs = performance.now();
  for (let index = 0; index < times; index++) {
    const beganMs = performance.now();
    await call();
    tookUs[index] = (performance.now() - beganMs) * 1_000;
  }
  const perSecond = times / ((performance.now() - startedMs) / 1_000);
  return { p50Us: quantile(tookUs, 0.5), p99Us: quantile(tookUs, 0.99), perSecond };
}

/** Keeps `inFlight` calls going until `times` are done. @param {() => Promise<unknown>} call @param {number} times @param {number} inFlight */
export async function manyAtATime(call, times, inFlight) {
  let left = times;
  const startedMs = performance.now();
  const caller = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return { perSecond: times / ((performance.now() - startedMs) / 1_000) };
}

/**
 * Runs the subjects of a scenario in turn, round by round, after one round that does not count.
 * @param {string} name @param {readonly Subject[]} subjects @param {number} rounds @returns {Promise<Row[]>}
 */
export async function compare(name, subjects, rounds) {
  /** @type {Map<string, Figures[]>} */
  const measured = new Map(subjects.map((subject) => [subject.name, []]));
  try {
    for (let round = -1; round < rounds; round++) {
      for (const subject of subjects) {
        const figures = await subject.round();
        if (round >= 0) measured.get(subject.name)?.push(figures);
      }
    }
  } finally {
    for (const subject of subjects) await subject.close();
  }
  return subjects.map((subject) => {
    const own = measured.get(subject.name) ?? [];
    /** @type {Record<string, Figures>} */
    const ratios = {};
    if (subject.name.startsWith('troupe')) {
      for (const [peer, theirs] of measured) if (!peer.startsWith('troupe')) ratios[peer] = ratio(own, theirs);
    }
    return { name, subject: subject.name, ...middle(own), ratios };
  });
}

const FIGURES = /** @type {const} */ (['p50Us', 'p99Us', 'perSecond']);

/** @param {readonly Figures[]} rounds @returns {Figures} */
function middle(rounds) {
  return Object.fromEntries(
    FIGURES.filter((figure) => rounds[0]?.[figure] !== undefined).map((figure) => [
      figure,
      median(rounds.map((round) => round[figure] ?? 0)),
    ]),
  );
}

/** @param {readonly Figures[]} own @param {readonly Figures[]} theirs @returns {Figures} */
function ratio(own, theirs) {
  return middle(
    own.map((round, index) =>
      Object.fromEntries(
        FIGURES.filter((figure) => round[figure] !== undefined && theirs[index]?.[figure]).map((figure) => [
          figure,
          (round[figure] ?? 0) / (theirs[index]?.[figure] ?? 1),
        ]),
      ),
    ),
  );
}
