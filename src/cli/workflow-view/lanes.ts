/**
 * Draws a graph without circles top to bottom, one node a line, as `git log --graph` does: a lane is an edge on its way down to a node. Lanes
 * are only joined above the node that all of them lead to, and only split below the node that all of them come from, so that every way along
 * the lines is an edge. Pure.
 */

export interface LaneNode {
  /** Those before it, as places in the list. */
  readonly after: readonly number[];
}

export interface LaneRow {
  /** Where the node is stands `NODE`. */
  readonly text: string;
  /** Absent on a row of lines only. */
  readonly node?: number;
  /** The lines that go on below the node. */
  readonly below: string;
}

export const NODE = '\0';

/** From so many nodes on, a straight edge has no row of its own. */
const DENSE_FROM = 24;

/** Undefined where more than `maxLanes` would be needed side by side, or there is a circle. */
export function laneRows(nodes: readonly LaneNode[], maxLanes: number): LaneRow[] | undefined {
  const drawing = new LaneDrawing(nodes, maxLanes);
  const order = drawing.order();
  return order.length === nodes.length && order.every((node) => drawing.add(node)) ? drawing.rows : undefined;
}

class LaneDrawing {
  readonly rows: LaneRow[] = [];
  readonly #nodes: readonly LaneNode[];
  readonly #next: readonly number[][];
  readonly #maxLanes: number;
  readonly #isDense: boolean;
  /** The node that each lane leads to. */
  readonly #lanes: (number | undefined)[] = [];

  constructor(nodes: readonly LaneNode[], maxLanes: number) {
    this.#nodes = nodes;
    this.#maxLanes = maxLanes;
    const next: number[][] = nodes.map(() => []);
    for (const [index, { after }] of nodes.entries()) for (const before of after) next[before]?.push(index);
    this.#next = next;
    this.#isDense = nodes.length >= DENSE_FROM && next.some((each) => each.length > 0);
  }

  /** Each after those before it, and as near to one of them as can be: a branch is drawn to its end before the next one. */
  order(): number[] {
    const missing = this.#nodes.map(({ after }) => after.length);
    const ready = [...missing.keys()].filter((index) => missing[index] === 0).reverse();
    const order: number[] = [];
    for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
      order.push(node);
      for (const other of [...(this.#next[node] ?? [])].reverse()) {
        missing[other] = (missing[other] ?? 0) - 1;
        if (missing[other] === 0) ready.push(other);
      }
    }
    return order;
  }

  /** False where there are too many lanes. */
  add(node: number): boolean {
    const leading = [...this.#lanes.keys()].filter((lane) => this.#lanes[lane] === node);
    const lane = leading[0] ?? this.#freeLanes(0, 1)[0] ?? 0;
    if (leading.length > 1) this.#join(leading, lane);
    else this.#space(node, leading.length === 1);
    const next = this.#next[node] ?? [];
    // Lanes to its right that lead on are drawn past it; its own goes on only if it has a next one.
    this.#lanes[lane] = next[0];
    this.rows.push({ node, text: this.#line(lane, NODE), below: this.#line(lane, next.length > 0 ? '│' : ' ') });
    this.#lead(lane, next);
    while (this.#lanes.length > 0 && this.#lanes.at(-1) === undefined) this.#lanes.pop();
    return this.#lanes.length <= this.#maxLanes;
  }

  #join(leading: readonly number[], lane: number): void {
    if (this.#endsAbove(leading)) this.#addRow(this.#line());
    this.#connect({ lanes: leading, up: leading, down: [lane] });
    for (const each of leading) this.#lanes[each] = undefined;
  }

  /** Whether the node above stands where these lanes are joined across, and leads nowhere: it would look as if it led there. */
  #endsAbove(lanes: readonly number[]): boolean {
    const { node, text = '' } = this.rows.at(-1) ?? {};
    if (node === undefined || (this.#next[node] ?? []).length > 0) return false;
    const lane = text.indexOf(NODE) / 2;
    return lane > Math.min(...lanes) && lane < Math.max(...lanes);
  }

  /** A row between two nodes: where the line between them is to be seen, or where there is none and they would look joined. */
  #space(node: number, isLed: boolean): void {
    const last = this.rows.at(-1)?.node;
    if (last === undefined) return;
    const isAlone = (index: number) => this.#next[index]?.length === 0 && this.#nodes[index]?.after.length === 0;
    const isNeeded = isLed ? !this.#isDense : this.#isDense || !isAlone(node) || !isAlone(last);
    if (isNeeded) this.#addRow(this.#line());
  }

  /** From the node in this lane to those that follow it. */
  #lead(lane: number, [only, ...others]: readonly number[]): void {
    if (only === undefined) return;
    const joined = others.length === 0 ? this.#lanes.findIndex((to, index) => to === only && index !== lane) : -1;
    if (joined >= 0) {
      this.#connect({ lanes: [lane, joined], up: [lane, joined], down: [joined] });
      this.#lanes[lane] = undefined;
    } else if (others.length > 0) {
      const free = this.#freeLanes(lane, others.length);
      const lanes = [lane, ...free];
      this.#connect({ lanes, up: [lane], down: lanes });
      for (const [index, each] of free.entries()) this.#lanes[each] = others[index];
    }
  }

  /** The nearest ones, from left to right. */
  #freeLanes(lane: number, count: number): number[] {
    const free = Array.from({ length: this.#lanes.length + count }, (_, index) => index).filter(
      (index) => this.#lanes[index] === undefined,
    );
    const near = free.sort((one, other) => Math.abs(one - lane) - Math.abs(other - lane) || other - one);
    return near.slice(0, count).sort((one, other) => one - other);
  }

  #line(at?: number, mark = ''): string {
    const width = Math.max(this.#lanes.length, (at ?? -1) + 1);
    const cells = Array.from({ length: width }, (_, lane) => {
      if (lane === at) return mark;
      return this.#lanes[lane] === undefined ? ' ' : '│';
    });
    return cells.join(' ').trimEnd();
  }

  /** A row that joins these lanes; `up` of them come from above, `down` go on. All others pass. */
  #connect(joint: {
    readonly lanes: readonly number[];
    readonly up: readonly number[];
    readonly down: readonly number[];
  }) {
    const [first, last] = [Math.min(...joint.lanes), Math.max(...joint.lanes)];
    const width = Math.max(this.#lanes.length, last + 1);
    let text = '';
    for (let lane = 0; lane < width; lane++) {
      const isInside = lane > first && lane < last;
      if (joint.lanes.includes(lane)) {
        text += corner(joint.up.includes(lane), joint.down.includes(lane), lane > first, lane < last);
      } else if (this.#lanes[lane] !== undefined) text += '│';
      else text += isInside ? '─' : ' ';
      text += lane >= first && lane < last ? '─' : ' ';
    }
    this.#addRow(text.trimEnd());
  }

  #addRow(text: string): void {
    this.rows.push({ text, below: '' });
  }
}

/** By up, down, left and right. */
const CORNERS: Readonly<Record<string, string>> = {
  ud: '│',
  udr: '├',
  udl: '┤',
  udlr: '┼',
  ul: '╯',
  ur: '╰',
  ulr: '┴',
  dl: '╮',
  dr: '╭',
  dlr: '┬',
};

function corner(up: boolean, down: boolean, left: boolean, right: boolean): string {
  return CORNERS[`${up ? 'u' : ''}${down ? 'd' : ''}${left ? 'l' : ''}${right ? 'r' : ''}`] ?? '─';
}
