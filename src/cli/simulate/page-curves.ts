/** Two charts: cold starts against waste, with a point for each policy and a line for each curve; and how the functions fare under each policy. Pure. */
import { coldPercents, functionFigures, type PolicyFigures } from './figures.ts';
import { at, colorClass, escapeText, legend, type Point, pathOf, scale, steps, WIDTH } from './page-svg.ts';
import { number } from './report.ts';
import type { Curves, Outcome } from './simulation.ts';
import type { Trace } from './trace.ts';

const HEIGHT = 400;
const PLOT = { left: 52, right: WIDTH - 16, top: 14, bottom: HEIGHT - 46 };
const COLD_TICKS = [0, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000, 10_000_000];
/** Keep-alives that everybody has used once. */
const NAMED_KEEP_ALIVES = ['fixed:5', 'fixed:20', 'fixed:60'];

/** Where the name of a point may stand; and about how large it is. */
const NAME_OFFSETS = [
  [12, -8],
  [-12, 18],
  [12, 18],
  [-12, -8],
] as const;
const LETTER_WIDTH = 7.5;
const LINE_HEIGHT = 16;

type Place = (figures: PolicyFigures) => Point;

/** To the left less memory, and further down fewer cold starts: the better, the nearer to the corner. */
export function tradeOffChart({ fixed, predictive }: Curves, policies: readonly PolicyFigures[]): string {
  const all = [...fixed, ...predictive, ...policies];
  const wastes = steps(Math.max(...all.map(({ wasteGbMinutes }) => wasteGbMinutes)));
  const mostCold = Math.max(1, ...all.map(({ avoidableColdStarts }) => avoidableColdStarts));
  const x = scale({ low: 0, high: wastes.at(-1) ?? 1, from: PLOT.left, to: PLOT.right });
  // A shape that has a place for 0, and sees factors beyond.
  const y = scale({ low: 0, high: mostCold, from: PLOT.bottom, to: PLOT.top, shape: Math.log1p });
  const place: Place = ({ wasteGbMinutes, avoidableColdStarts }) => [x(wasteGbMinutes), y(avoidableColdStarts)];
  const names = policies.map(({ policy }) => policy);
  const drawn = [...new Set([...names, 'fixed', 'predictive'])];
  return `<figure class="card"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Avoidable cold starts against wasted memory">
${wastes.map((waste) => wasteMark(waste, x(waste))).join('')}${COLD_TICKS.filter((tick) => tick <= mostCold)
  .map((tick) => coldMark(tick, y(tick)))
  .join('')}
<text class="axis" x="${PLOT.right}" y="${HEIGHT - 6}" text-anchor="end">wasted memory, GB-minutes →</text>
<text class="axis inside" x="${PLOT.left + 8}" y="${PLOT.top + 10}">↑ avoidable cold starts</text>
${curve('fixed', fixed, place)}${curve('predictive', predictive, place)}
${fixed
  .filter(({ policy }) => NAMED_KEEP_ALIVES.includes(policy))
  .map((figures) => keepAliveName(figures, place))
  .join('')}
${marks(policies, place)}
</svg>${legend(drawn)}</figure>`;
}

function wasteMark(waste: number, x: number): string {
  return `<path class="grid faint" d="M${at(x)} ${PLOT.top}V${PLOT.bottom}"/><text x="${at(x)}" y="${PLOT.bottom + 18}" text-anchor="middle">${number(waste)}</text>`;
}

function coldMark(tick: number, y: number): string {
  return `<path class="grid${tick === 0 ? '' : ' faint'}" d="M${PLOT.left} ${at(y)}H${PLOT.right}"/><text x="${PLOT.left - 8}" y="${at(y + 4)}" text-anchor="end">${number(tick)}</text>`;
}

function curve(policy: string, points: readonly PolicyFigures[], place: Place): string {
  const dots = points.map((figures) => {
    const [cx, cy] = place(figures);
    return `<circle class="dot" cx="${at(cx)}" cy="${at(cy)}" r="2.5">${tooltip(figures)}</circle>`;
  });
  return `<g class="${colorClass(policy)}"><path class="line" d="${pathOf(points.map(place))}"/>${dots.join('')}</g>`;
}

/** Each with its name where no other name stands. */
function marks(policies: readonly PolicyFigures[], place: Place): string {
  const taken: Box[] = [];
  return policies
    .map((figures) => {
      const [cx, cy] = place(figures);
      const width = figures.policy.length * LETTER_WIDTH;
      const boxes = NAME_OFFSETS.map(
        ([dx, dy]): Box => ({ left: dx < 0 ? cx + dx - width : cx + dx, y: cy + dy, width }),
      );
      const fitting = boxes.filter(({ left, y }) => left > PLOT.left && left + width < WIDTH && y > PLOT.top);
      const box = fitting.find((each) => !taken.some((other) => overlaps(each, other))) ?? fitting[0] ?? boxes[0];
      if (box) taken.push(box);
      const text = `<text class="name inside" x="${at(box?.left ?? cx)}" y="${at(box?.y ?? cy)}">${escapeText(figures.policy)}</text>`;
      return `<g class="${colorClass(figures.policy)}"><circle class="mark" cx="${at(cx)}" cy="${at(cy)}" r="6">${tooltip(figures)}</circle>${text}</g>`;
    })
    .join('');
}

interface Box {
  readonly left: number;
  readonly y: number;
  readonly width: number;
}

function overlaps(one: Box, other: Box): boolean {
  if (Math.abs(one.y - other.y) >= LINE_HEIGHT) return false;
  return one.left < other.left + other.width && other.left < one.left + one.width;
}

function keepAliveName(figures: PolicyFigures, place: Place): string {
  const [x, y] = place(figures);
  return `<text class="inside" x="${at(x + 8)}" y="${at(y - 6)}">${escapeText(figures.policy.replace('fixed:', ''))} min</text>`;
}

function tooltip({ policy, avoidableColdStarts, wasteGbMinutes }: PolicyFigures): string {
  return `<title>${escapeText(policy)}: ${number(avoidableColdStarts)} avoidable cold starts, ${number(wasteGbMinutes)} GB-minutes</title>`;
}

/** The higher a line rises to the left, the more functions hardly ever start cold. */
export function functionsChart(trace: Trace, outcomes: readonly Outcome[]): string {
  const height = 280;
  const plot = { ...PLOT, bottom: height - 46 };
  const x = scale({ low: 0, high: 100, from: plot.left, to: plot.right });
  const y = scale({ low: 0, high: 100, from: plot.bottom, to: plot.top });
  const lines = outcomes.map(({ figures, warm }) => {
    const percents = coldPercents(functionFigures(trace, warm)).sort((a, b) => a - b);
    const part = (index: number) => (100 * index) / Math.max(1, percents.length);
    const points: Point[] = percents.flatMap((percent, index): Point[] => [
      [x(percent), y(part(index))],
      [x(percent), y(part(index + 1))],
    ]);
    const path = pathOf(thinned([[x(0), y(0)], ...points, [x(100), y(100)]]));
    return `<g class="${colorClass(figures.policy)}"><path class="line" d="${path}"/></g>`;
  });
  const ticks = [0, 25, 50, 75, 100];
  const vertical = ticks.map(
    (tick) =>
      `<path class="grid faint" d="M${at(x(tick))} ${plot.top}V${plot.bottom}"/><text x="${at(x(tick))}" y="${plot.bottom + 18}" text-anchor="middle">${tick} %</text>`,
  );
  const level = ticks.map(
    (tick) =>
      `<path class="grid faint" d="M${plot.left} ${at(y(tick))}H${plot.right}"/><text x="${plot.left - 8}" y="${at(y(tick) + 4)}" text-anchor="end">${tick} %</text>`,
  );
  return `<figure class="card"><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Functions by the part of their active minutes that began cold">
${vertical.join('')}${level.join('')}<text class="axis" x="${plot.right}" y="${height - 6}" text-anchor="end">active minutes that began cold →</text>
<text class="axis inside" x="${plot.left + 8}" y="${plot.top + 10}">↑ functions with no more than that</text>${lines.join('')}
</svg>${legend(outcomes.map(({ figures }) => figures.policy))}</figure>`;
}

/** 46,000 functions are more steps than there are pixels. */
function thinned(points: readonly Point[]): Point[] {
  return points.filter(([x, y], index) => {
    const before = points[index - 1];
    return !before || index === points.length - 1 || at(x) !== at(before[0]) || at(y) !== at(before[1]);
  });
}
