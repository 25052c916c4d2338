import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LaneNode, type LaneRow, laneRows, NODE } from '../../../src/cli/workflow-view/lanes.ts';

const graph = (...after: number[][]): LaneNode[] => after.map((each) => ({ after: each }));

const drawn = (nodes: readonly LaneNode[], maxLanes = 20) =>
  laneRows(nodes, maxLanes)?.map(({ text, node }) => text.replace(NODE, String(node)));

describe('A graph is drawn', () => {
  it('as a line for a chain', () => {
    expect(drawn(graph([], [0], [1]))).toEqual(['0', '│', '1', '│', '2']);
  });

  it('as a split and a join for a diamond', () => {
    expect(drawn(graph([], [0], [0], [1, 2]))).toEqual(['0', '├─╮', '1 │', '│ │', '│ 2', '├─╯', '3']);
  });

  it('with a gap between what is not joined, but for lone nodes', () => {
    expect(drawn(graph([], [0], [], [2]))).toEqual(['0', '│', '1', '', '2', '│', '3']);
    expect(drawn(graph([], [], []))).toEqual(['0', '1', '2']);
  });

  it('with lines that pass each other', () => {
    // 0 -> 1, 2, 3; 1 -> 4; 2 -> 5; 3 -> 4.
    expect(drawn(graph([], [0], [0], [0], [1, 3], [2]))).toEqual([
      '0',
      '├─┬─╮',
      '1 │ │',
      '│ │ │',
      '│ 2 │',
      '│ │ │',
      '│ 5 │',
      '│   │',
      '│   3',
      '├───╯',
      '4',
    ]);
  });

  it('with a gap between what leads nowhere and lines that are joined below it', () => {
    expect(drawn(graph([], [], [1], [1, 0]))).toEqual(['0', '│', '│ 1', '│ ├─╮', '│ 2 │', '│   │', '├───╯', '3']);
  });

  it('without a row for each straight edge where there are many nodes', () => {
    const chain = Array.from({ length: 60 }, (_, index) => ({ after: index === 0 ? [] : [index - 1] }));
    expect(drawn(chain)).toHaveLength(60);
  });

  it('not at all where it has more lanes than there is room for, or a circle', () => {
    const fan = graph([], ...Array.from({ length: 8 }, () => [0]));
    expect(drawn(fan, 8)).toHaveLength(17);
    expect(drawn(fan, 7)).toBeUndefined();
    expect(drawn(graph([1], [0]))).toBeUndefined();
  });
});

/** Edges in an order that is one already: each node follows some before it. */
const anyGraph = fc
  .array(fc.array(fc.nat({ max: 60 }), { maxLength: 3 }), { minLength: 1, maxLength: 40 })
  .map((lists) => lists.map((list, index) => ({ after: [...new Set(list.filter((each) => each < index))] })));

describe('The lines of any graph', () => {
  it('lead from each node to those that follow it, and nowhere else', () => {
    fc.assert(
      fc.property(anyGraph, (nodes) => {
        const rows = laneRows(nodes, 1_000) ?? [];
        const next = nodes.map((_, node) => [...nodes.keys()].filter((each) => nodes[each]?.after.includes(node)));
        expect(nodes.map((_, node) => reachedFrom(rows, node, isDense(nodes)))).toEqual(next);
      }),
    );
  });
});

/** Then nodes that stand under each other are joined. */
function isDense(nodes: readonly LaneNode[]): boolean {
  return nodes.length >= 24 && nodes.some(({ after }) => after.length > 0);
}

/** Follows the lines down, as a reader does. */
function reachedFrom(rows: readonly LaneRow[], node: number, dense: boolean): number[] {
  const reached = new Set<number>();
  const start = rows.findIndex((row) => row.node === node);
  let columns = new Set([rows[start]?.text.indexOf(NODE) ?? 0]);
  for (let at = start + 1; columns.size > 0 && at < rows.length; at++) {
    const { text = '', node: other } = rows[at] ?? {};
    const below = new Set<number>();
    for (const column of columns) {
      const mark = text[column] ?? ' ';
      if (mark === NODE) {
        if (at > start + 1 || dense) reached.add(other ?? -1);
      } else if (mark === '│') below.add(column);
      else if (mark !== ' ') for (const each of jointFrom(text, column)) below.add(each);
    }
    columns = below;
  }
  return [...reached].sort((one, other) => one - other);
}

/** The columns in which a joint of this row goes on downwards. */
function jointFrom(text: string, column: number): number[] {
  let first = column;
  while (first > 0 && text[first - 1] === '─') first -= 2;
  let last = column;
  while (text[last + 1] === '─') last += 2;
  const inside = Array.from({ length: (last - first) / 2 + 1 }, (_, index) => first + 2 * index);
  return inside.filter((each) => '├┤┼╮╭┬'.includes(text[each] ?? ' '));
}
