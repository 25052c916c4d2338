/**
 * Runs the subjects of a scenario in turn, round by round, and compares them. What the machine does besides hits all subjects of a round alike,
 * so ratios are taken within a round, and the ratio that is told is the median of those (invariant 3 of README.md).
 *
 * Only `measure` runs something and reads a clock; the rest is pure.
 */
import { bootstrap95, median } from './statistics.js';

/**
 * @typedef {import('./scenario.js').Bar} Bar
 * @typedef {import('./scenario.js').Measurement} Measurement
 * @typedef {import('./scenario.js').Subject} Subject
 * @typedef {'p50' | 'p99' | 'perSecond' | 'value'} Figure
 * @typedef {ReadonlyMap<string, readonly Measurement[]>} Measured  the rounds of each subject, by name
 * @typedef {Partial<Record<Figure, number>> & { ci95: [number, number], ci95Of: Figure }} Ratio
 *   subject / peer; the interval belongs to `ci95Of`, the first of p50, perSecond, value, p99 that both have
 * @typedef {{ subject: string, p50Us?: number, p99Us?: number, perSecond?: number, value?: number, figures?: Record<string, number>, phasesUs?: Record<string, number>, ratios: Record<string, Ratio> }} Row
 * @typedef {'met' | 'missed' | 'not measured'} Verdict
 * @typedef {Bar & { measured?: number, ci95?: [number, number], verdict: Verdict, aimMet: boolean, chosen?: string }} Judgement
 *   `measured` is the ratio, or the figure itself without `against`; `chosen`: which of several was the best in most rounds
 */

/** @type {readonly Figure[]} */
export const FIGURES = ['p50', 'perSecond', 'value', 'p99'];

/**
 * One round that does not count, then `rounds` that do. Closes every subject, whatever happens.
 * @param {readonly Subject[]} subjects
 * @param {{ rounds: number, enough?: (done: number) => boolean, onRound?: (round: number) => void }} options  `enough` may end it early, after at
 *   least one round that counts; `onRound` hears of each round that begins, 0 being the one that does not count
 * @returns {Promise<Map<string, Measurement[]>>}
 */
export async function measure(subjects, { rounds, enough = () => false, onRound = () => undefined }) {
  /** @type {Map<string, Measurement[]>} */
  const measured = new Map(subjects.map((subject) => [subject.name, []]));
  try {
    if (measured.size !== subjects.length) throw new Error('Two subjects of one scenario have the same name.');
    for (let round = 0; round <= rounds && !(round > 1 && enough(round - 1)); round++) {
      onRound(round);
      for (const subject of subjects) {
        const measurement = await subject.round();
        if (round > 0) measured.get(subject.name)?.push(measurement);
      }
    }
  } finally {
    await closeAll(subjects);
  }
  return measured;
}

/** One that cannot be closed does not keep the others open. @param {readonly Subject[]} subjects */
export async function closeAll(subjects) {
  for (const subject of subjects) {
    try {
      await subject.close();
    } catch (error) {
      console.error(`${subject.name} could not be closed: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** @param {Measurement} measurement @param {string} figure @returns {number | undefined} microseconds for p50 and p99 */
export function figureOf(measurement, figure) {
  if (figure === 'perSecond' || figure === 'value') return measurement[figure];
  if (figure !== 'p50' && figure !== 'p99') return measurement.figures?.[figure];
  const given = figure === 'p50' ? measurement.p50Us : measurement.p99Us;
  if (given !== undefined) return given;
  const nanoseconds = measurement.latenciesUs?.getValueAtPercentile(figure === 'p50' ? 50 : 99);
  return nanoseconds === undefined ? undefined : nanoseconds / 1_000;
}

/**
 * A row for each subject: medians over its rounds, and its ratios: those of troupe's subjects to all others, and those that a bar asks for.
 * @param {Measured} measured @param {readonly Bar[]} bars those of this variant @returns {Row[]}
 */
export function rowsOf(measured, bars) {
  return [...measured].map(([subject, own]) => {
    /** @type {Record<string, Ratio>} */
    const ratios = {};
    for (const [peer, theirs] of measured) {
      const asked = bars.some((bar) => bar.subject === subject && matches(bar.against, peer));
      if (peer === subject || (isTroupe(peer) && !asked) || (!isTroupe(subject) && !asked)) continue;
      const ratio = ratioOf(own, theirs);
      if (ratio) ratios[peer] = ratio;
    }
    return { subject, ...mediansOf(own), ...namedOf(own, 'figures'), ...namedOf(own, 'phasesUs'), ratios };
  });
}

/** @param {string} name */
function isTroupe(name) {
  return name.startsWith('troupe');
}

/** @param {readonly Measurement[]} rounds @returns {Omit<Row, 'subject' | 'ratios' | 'phasesUs' | 'figures'>} */
function mediansOf(rounds) {
  const of = (/** @type {Figure} */ figure) => median(known(rounds.map((round) => figureOf(round, figure))));
  const medians = { p50Us: of('p50'), p99Us: of('p99'), perSecond: of('perSecond'), value: of('value') };
  return Object.fromEntries(Object.entries(medians).filter(([, value]) => !Number.isNaN(value)));
}

/** Medians of what has names of its own. @param {readonly Measurement[]} rounds @param {'figures' | 'phasesUs'} kind @returns {Pick<Row, 'figures' | 'phasesUs'>} */
function namedOf(rounds, kind) {
  const all = rounds.flatMap((round) => (round[kind] ? [round[kind]] : []));
  const names = new Set(all.flatMap(Object.keys));
  if (names.size === 0) return {};
  return { [kind]: Object.fromEntries([...names].map((name) => [name, median(all.map((one) => one[name] ?? 0))])) };
}

/** @param {readonly Measurement[]} own @param {readonly Measurement[]} theirs @returns {Ratio | undefined} */
function ratioOf(own, theirs) {
  /** @type {Partial<Record<Figure, number[]>>} */
  const rounds = {};
  for (const figure of FIGURES) {
    const values = ratiosOf(own, figure, (round) => figureOf(theirs[round] ?? {}, figure));
    if (values.length > 0) rounds[figure] = values;
  }
  const first = FIGURES.find((figure) => rounds[figure]);
  if (!first) return undefined;
  const medians = Object.fromEntries(Object.entries(rounds).map(([figure, values]) => [figure, median(values)]));
  return { ...medians, ci95: bootstrap95(rounds[first] ?? []), ci95Of: first };
}

/** Of the rounds in which both have the figure. @param {readonly Measurement[]} own @param {string} figure @param {(round: number) => number | undefined} theirs */
function ratiosOf(own, figure, theirs) {
  return known(
    own.map((measurement, round) => {
      const [mine, other] = [figureOf(measurement, figure), theirs(round)];
      return mine === undefined || !other ? undefined : mine / other;
    }),
  );
}

/** @param {Measured} measured @param {Bar} bar @returns {Judgement} */
export function judge(measured, bar) {
  const own = measured.get(bar.subject) ?? [];
  const candidates = [...measured.keys()].filter((name) => name !== bar.subject && matches(bar.against, name));
  const more = bar.figure === 'perSecond';
  /** @type {string[]} */
  const best = [];
  const values =
    bar.against === ''
      ? known(own.map((round) => figureOf(round, bar.figure)))
      : ratiosOf(own, bar.figure, (round) => {
          const found = bestOf(measured, candidates, { figure: bar.figure, round });
          if (found) best.push(found.name);
          return found?.value;
        });
  // Invariant 4.
  if (values.length === 0) return { ...bar, verdict: 'not measured', aimMet: false };
  const middle = median(values);
  const holds = (/** @type {number} */ limit) => (more ? middle >= limit : middle <= limit);
  const verdict = holds(bar.bar) ? 'met' : 'missed';
  const chosen = mostFrequent(best);
  return {
    ...bar,
    measured: middle,
    ci95: bootstrap95(values),
    verdict,
    aimMet: holds(bar.aim),
    ...(chosen ? { chosen } : {}),
  };
}

/** @param {Measured} measured @param {readonly string[]} names @param {{ figure: string, round: number }} of */
function bestOf(measured, names, { figure, round }) {
  /** @type {{ name: string, value: number } | undefined} */
  let best;
  for (const name of names) {
    const value = figureOf(measured.get(name)?.[round] ?? {}, figure);
    if (value === undefined) continue;
    if (!best || (figure === 'perSecond' ? value > best.value : value < best.value)) best = { name, value };
  }
  return best;
}

/** @param {string} against `name`, or `start*` @param {string} name */
function matches(against, name) {
  return against.endsWith('*') ? name.startsWith(against.slice(0, -1)) : name === against;
}

/** @param {readonly string[]} names */
function mostFrequent(names) {
  const counts = new Map(names.map((name) => [name, names.filter((other) => other === name).length]));
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0];
}

/** @param {readonly (number | undefined)[]} values @returns {number[]} */
function known(values) {
  return values.filter((value) => value !== undefined);
}
