/**
 * Real instances under policies that differ, on the same arrivals. Time is compressed where periods are long: a minute of a forecast and of a
 * keep-alive takes half a second, or a second. Then all policies play at once, each in a host of its own. Bursts are played one after the
 * other: they take all that the machine has.
 */
import { readAzure2019 } from '../../dist/cli/simulate/azure-2019.js';
import { mulberry32 } from '../harness/statistics.js';
import { played } from '../subjects/arrivals-host.js';
import { onlyCounted, plainSubject } from '../subjects/subject.js';

/** @typedef {import('../subjects/arrivals-host.js').Arrival} Arrival @typedef {import('../subjects/arrivals-host.js').Play} Play */

const POLICIES = /** @type {const} */ (['predictive', 'reactive', 'fixed']);
const NO_OP = 'export default (event) => event;';
const WAIT = 'export default ({ waitMs }) => new Promise((resolve) => setTimeout(resolve, waitMs));';

/** @type {Record<string, (options: Pick<import('../harness/scenario.js').SubjectOptions, 'quick' | 'trace'>) => Play | Promise<Play>>} */
const PLAYS = { timers, chain, burst, replay };

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'autoscaler',
  title: 'Kept warm by a forecast',
  question: 'How many calls find no instance, and how much memory is held so that others do, by scaling policy?',
  chart: 'cdf',
  unit: '% cold',
  figures: { resident: '% of the time', instances: 'on average' },
  variants: Object.keys(PLAYS),
  quickVariants: ['timers'],
  bars: [
    { figure: 'value', subject: 'troupe, predictive', against: '', bar: 1, aim: 0.5, variant: 'timers' },
    { figure: 'resident', subject: 'troupe, predictive', against: '', bar: 20, aim: 15, variant: 'timers' },
    { figure: 'value', subject: 'troupe, predictive', against: '', bar: 5, aim: 2, variant: 'chain' },
    {
      figure: 'p99',
      subject: 'troupe, predictive',
      against: 'troupe, reactive',
      bar: 0.5,
      aim: 0.25,
      variant: 'burst',
    },
  ],
  rounds: { full: 3, quick: 1 },
  async subjects({ variant = 'timers', ...options }) {
    const play = await PLAYS[variant]?.(options);
    if (!play) throw new Error(`There are no arrivals named ${variant}.`);
    const all = () => Promise.all(POLICIES.map((policy) => played(policy, play)));
    /** @type {ReturnType<typeof all>} */
    let together;
    return POLICIES.map((policy, index) =>
      plainSubject(
        `troupe, ${policy}`,
        onlyCounted(async () => {
          if (variant === 'burst') return played(policy, play);
          if (index === 0) together = all();
          return (await together)[index] ?? {};
        }),
      ),
    );
  },
};

/** Timers of ten to twenty minutes: from their fourth period on they count. @param {{ quick: boolean }} options @returns {Play} */
function timers({ quick }) {
  // What a timer of this machine is late by is a much larger part of such a minute than of a real one.
  const minuteMs = quick ? 125 : 500;
  const forMs = quick ? 12_000 : 120_000;
  const periods = quick ? [10, 12] : [10, 12, 15, 20];
  /** @type {Arrival[]} */
  const arrivals = periods.flatMap((minutes, index) => {
    const periodMs = minutes * minuteMs;
    const times = Math.floor((forMs - 1) / periodMs);
    return Array.from({ length: times }, (_, time) => ({
      name: `every-${minutes}`,
      atMs: 100 + index * 70 + time * periodMs,
      counts: time >= 4,
    }));
  });
  return { code: NO_OP, arrivals, forMs, minuteMs, countFromMs: 4 * Math.max(...periods) * minuteMs };
}

/** A is called at random; B follows soon in nine of ten cases, and only then. B is judged. @param {{ quick: boolean }} options @returns {Play} */
function chain({ quick }) {
  const minuteMs = 1_000;
  const forMs = quick ? 10_000 : 90_000;
  const random = mulberry32(7);
  /** @type {Arrival[]} */
  const arrivals = [];
  for (let pair = 0; pair < 4; pair++) {
    let taught = 0;
    for (let atMs = random() * 3_000; atMs < forMs - 1_000; atMs += (1.5 + 5 * random()) * minuteMs) {
      arrivals.push({ name: `a-${pair}`, atMs, counts: false });
      if (random() < 0.9) arrivals.push({ name: `b-${pair}`, atMs: atMs + 60 + random() * 40, counts: taught++ >= 4 });
    }
  }
  return { code: NO_OP, arrivals, forMs, minuteMs, countFromMs: 0 };
}

/** One caller, and then, for a second, fifty of them, in real time. @returns {Play} */
function burst() {
  const [fromMs, forMs] = [2_000, 4_000];
  const caller = { name: 'f', payload: { waitMs: 20 } };
  /** @type {Arrival[]} */
  const arrivals = [{ ...caller, atMs: 0, untilMs: forMs, counts: false }];
  for (let other = 1; other < 50; other++)
    arrivals.push({ ...caller, atMs: fromMs, untilMs: fromMs + 1_000, counts: true });
  return { code: WAIT, arrivals, forMs, minuteMs: 60_000, countFromMs: 0, maxInstances: 60 };
}

/** Of a trace. */
const REPLAYED_FUNCTIONS = 24;
const REPLAYED_MINUTES = 180;
/** The first calls of a minute, evenly spread: the rest finds what they found. */
const REPLAYED_PER_MINUTE = 3;

/** Three hours of recorded calls in a minute and a half; the first quarter only teaches. @param {{ trace?: string }} options @returns {Promise<Play>} */
async function replay({ trace }) {
  const minuteMs = 500;
  const functions = trace === undefined ? madeUp() : await recorded(trace);
  /** @type {Arrival[]} */
  const arrivals = functions.flatMap((counts, index) =>
    counts.flatMap((count, minute) => {
      const calls = Math.min(count, REPLAYED_PER_MINUTE);
      return Array.from({ length: calls }, (_, call) => ({
        name: `f-${index}`,
        atMs: (minute + (call + 0.5) / calls) * minuteMs,
        counts: minute >= REPLAYED_MINUTES / 4,
      }));
    }),
  );
  const forMs = REPLAYED_MINUTES * minuteMs;
  return { code: NO_OP, arrivals, forMs, minuteMs, countFromMs: forMs / 4 };
}

/** Calls by the minute, of functions that are spread evenly over the file. @param {string} file @returns {Promise<number[][]>} */
async function recorded(file) {
  const files = { invocations: file, durations: undefined, memory: undefined };
  const { functions } = await readAzure2019(files, new AbortController().signal);
  const step = Math.max(1, Math.floor(functions.length / REPLAYED_FUNCTIONS));
  const chosen = functions.filter((_, index) => index % step === 0).slice(0, REPLAYED_FUNCTIONS);
  return chosen.map(({ minutes, counts }) => {
    const perMinute = new Array(REPLAYED_MINUTES).fill(0);
    for (const [index, minute] of minutes.entries()) if (minute < REPLAYED_MINUTES) perMinute[minute] = counts[index];
    return perMinute;
  });
}

/** Half timers, half at random, from one call in two minutes to one in an hour. @returns {number[][]} */
function madeUp() {
  const random = mulberry32(11);
  return Array.from({ length: REPLAYED_FUNCTIONS }, (_, index) => {
    const everyMinutes = Math.round(2 * 1.3 ** Math.floor(index / 2));
    const phase = Math.floor(random() * everyMinutes);
    const isTimer = index % 2 === 0;
    return Array.from({ length: REPLAYED_MINUTES }, (_, minute) =>
      (isTimer ? minute % everyMinutes === phase : random() < 1 / everyMinutes) ? 1 : 0,
    );
  });
}
