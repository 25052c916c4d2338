/** What the charts of the page share: escaping, scales, ticks, paths. Pure. */

/** All charts are drawn this wide and scale with the page. */
export const WIDTH = 760;

export function escapeText(text: unknown): string {
  return String(text).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

/** Pages hold thousands of coordinates: a tenth of a pixel is enough. */
export function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly from: number;
  readonly to: number;
  /** Each value is seen through it first. */
  readonly shape?: (value: number) => number;
}

export function scale({ low, high, from, to, shape = (value) => value }: Scale): (value: number) => number {
  const [first, last] = [shape(low), shape(high)];
  return (value) => from + ((shape(value) - first) / (last - first || 1)) * (to - from);
}

/** Round steps from 0 to at least the highest value, about five of them. */
export function steps(highest: number): number[] {
  const rough = (highest || 1) / 5;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10) * magnitude;
  return Array.from({ length: Math.ceil((highest || 1) / step - 1e-9) + 1 }, (_, index) => index * step);
}

export type Point = readonly [x: number, y: number];

export function pathOf(points: readonly Point[]): string {
  return points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${at(x)} ${at(y)}`).join('');
}

/** A family of policies has a colour of its own. */
export function colorClass(policy: string): string {
  return `c-${policy.split(':')[0]}`;
}

export function legend(policies: readonly string[]): string {
  const items = policies.map((policy) => `<li class="${colorClass(policy)}"><i></i>${escapeText(policy)}</li>`);
  return `<ul class="legend">${items.join('')}</ul>`;
}
