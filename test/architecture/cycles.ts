/** The cycles of a directed graph, one for each back edge of a depth-first search: none found means that there is none. */
export function findCycles(edges: ReadonlyMap<string, ReadonlyMap<string, unknown>>): string[][] {
  const cycles: string[][] = [];
  const path: string[] = [];
  const done = new Set<string>();
  const visit = (node: string): void => {
    path.push(node);
    for (const next of edges.get(node)?.keys() ?? []) {
      const start = path.indexOf(next);
      if (start >= 0) cycles.push(path.slice(start));
      else if (!done.has(next)) visit(next);
    }
    path.pop();
    done.add(node);
  };
  for (const node of edges.keys()) if (!done.has(node)) visit(node);
  return cycles;
}
