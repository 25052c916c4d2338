/**
 * Finds points on the curve of a policy that trades cold starts for memory by one number, its exchange rate: the higher, the less memory is
 * wasted and the more calls start cold. Both are nearly monotone in the rate, not quite, so what is found by bisection is looked at once more in
 * its neighbourhood, and the best point seen counts. Each point costs a replay; their number is bounded. Pure but for the probe.
 */

export interface CurvePoint {
  readonly avoidableColdStarts: number;
  readonly wasteGbMinutes: number;
}

/** Replays at a rate. */
export type Probe<P extends CurvePoint> = (rate: number) => Promise<P>;

/** At the lowest rate whatever may be called is kept, at the highest nothing is. */
export interface RateRange {
  readonly low: number;
  readonly high: number;
}

/** The fewest cold starts at this waste or less; or the least waste at so many cold starts or fewer. */
export type Goal = { readonly wasteGbMinutes: number } | { readonly avoidableColdStarts: number };

export interface Found<P extends CurvePoint> {
  readonly point: P;
  /** False: no point of the curve meets the goal, and this is the one that comes closest. */
  readonly isMet: boolean;
}

const MOST_BISECTIONS = 13;
const CLOSE = 1.005;
const NEIGHBOURS = 6;
const NEIGHBOUR_STEP = 1.02;
/** As many replays at most, for both ends, bisections and neighbours, twice over. */
export const MOST_PROBES = 2 + 2 * (MOST_BISECTIONS + NEIGHBOURS);

export async function findPoint<P extends CurvePoint>(
  probe: Probe<P>,
  range: RateRange,
  goal: Goal,
): Promise<Found<P>> {
  const seen: P[] = [];
  const at = async (rate: number) => {
    const point = await probe(rate);
    seen.push(point);
    return point;
  };
  const [least, most] = [await at(range.high), await at(range.low)];
  if ('wasteGbMinutes' in goal) {
    const fits = ({ wasteGbMinutes }: P) => wasteGbMinutes <= goal.wasteGbMinutes;
    if (!fits(least)) return { point: best(seen, () => true, 'wasteGbMinutes'), isMet: false };
    if (!fits(most)) {
      await closeIn(at, range, fits);
      return { point: best(seen, fits, 'avoidableColdStarts'), isMet: true };
    }
  }
  // There is memory enough for all that can be had: as little of it as that takes.
  const limit = Math.max('wasteGbMinutes' in goal ? 0 : goal.avoidableColdStarts, most.avoidableColdStarts);
  const fits = ({ avoidableColdStarts }: P) => avoidableColdStarts <= limit;
  if (!fits(least)) await closeIn(at, range, (point) => !fits(point));
  const isMet = 'wasteGbMinutes' in goal || limit <= goal.avoidableColdStarts;
  return { point: best(seen, fits, 'wasteGbMinutes'), isMet };
}

/** To where `isAbove` begins to hold as the rate rises; then a little above that. */
async function closeIn<P>(at: (rate: number) => Promise<P>, { low, high }: RateRange, isAbove: (point: P) => boolean) {
  let [below, above] = [low, high];
  for (let step = 0; step < MOST_BISECTIONS && above / below > CLOSE; step++) {
    const middle = Math.sqrt(below * above);
    if (isAbove(await at(middle))) above = middle;
    else below = middle;
  }
  for (let step = 1; step <= NEIGHBOURS; step++) await at(Math.min(high, above * NEIGHBOUR_STEP ** step));
}

/** The lowest in one figure, and of those the lowest in the other. */
function best<P extends CurvePoint>(seen: readonly P[], fits: (point: P) => boolean, figure: keyof CurvePoint): P {
  const other = figure === 'wasteGbMinutes' ? 'avoidableColdStarts' : 'wasteGbMinutes';
  const [first] = seen.filter(fits).sort((a, b) => a[figure] - b[figure] || a[other] - b[other]);
  if (!first) throw new Error('nothing fits, although it was checked that something does');
  return first;
}

/** So many points from end to end, each where the curve has its widest gap. In the order of their rates. */
export async function followCurve<P extends CurvePoint>(probe: Probe<P>, { low, high }: RateRange, points: number) {
  const curve = [
    { rate: low, point: await probe(low) },
    { rate: high, point: await probe(high) },
  ];
  while (curve.length < points) {
    const index = widestGap(curve);
    const [from, to] = [curve[index - 1], curve[index]];
    if (!from || !to) break;
    const rate = Math.sqrt(from.rate * to.rate);
    curve.splice(index, 0, { rate, point: await probe(rate) });
  }
  return curve.map(({ point }) => point);
}

/** The index of the point that ends it; -1 when no gap is left that matters. */
function widestGap(curve: readonly { readonly rate: number; readonly point: CurvePoint }[]): number {
  const wastes = curve.map(({ point }) => point.wasteGbMinutes);
  const colds = curve.map(({ point }) => shape(point.avoidableColdStarts));
  const [wasteSpan, coldSpan] = [spanOf(wastes), spanOf(colds)];
  let [widest, index] = [0, -1];
  for (let end = 1; end < curve.length; end++) {
    const waste = Math.abs((wastes[end] ?? 0) - (wastes[end - 1] ?? 0)) / wasteSpan;
    const cold = Math.abs((colds[end] ?? 0) - (colds[end - 1] ?? 0)) / coldSpan;
    const isFine = (curve[end]?.rate ?? 0) / (curve[end - 1]?.rate ?? 1) < CLOSE;
    if (isFine || waste + cold <= widest) continue;
    [widest, index] = [waste + cold, end];
  }
  return index;
}

/** From 100 to 50 cold starts is as far as from 20 to 10. */
function shape(coldStarts: number): number {
  return Math.log1p(coldStarts);
}

function spanOf(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values) || 1;
}
